"""What each lesson's runs must be diagnosed with at their end, with the lesson's own seeds."""

from __future__ import annotations

from nndl_core.diagnosis.facts import Disease

DIAGNOSES: dict[str, dict[str, Disease]] = {
    "depth": {"2-5-1": "healthy", "2-5-3-1": "healthy"},
    "zeros": {"all zeros": "symmetric_weights", "N(0, 1)": "healthy"},
    "spread": {"N(0, 1)": "healthy", "U(-1, 1)": "healthy"},
    "vanishing": {"sigmoid": "vanishing_gradient", "ReLU": "vanishing_gradient"},
    "scale": {"sigmoid": "vanishing_gradient", "ReLU": "healthy"},
    "dying": {"b = -8": "dying_relu", "b = 0.1, He": "healthy"},
    "leaky": {"ReLU": "dying_relu", "Leaky ReLU": "vanishing_gradient"},
    "large-step": {"lr 0.1": "healthy", "lr 5": "dying_relu"},
}
