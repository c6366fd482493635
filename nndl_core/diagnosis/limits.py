"""Every limit of the diagnosis, once: what is judged by it, and where the number comes from.

H is the loss of an answer that is the same for all examples; "of what there is to learn" is a share
of the way from H to the least possible loss.
"""

from __future__ import annotations

import math

# How much is learned, as a share of what there is to learn

LEARNED = 0.9
"""Learned: what did not keep a run from it is harmless."""
ALL_BUT_ALL = 0.95
"""Learned where the limit is known; where it is not, a part of what seems missing is noise."""
MOSTLY_LEARNED, HALF = 0.75, 0.5
"""No longer ill: a gradient has come through, a run goes on, although not to its end."""
NOT_LEARNED = 0.25
"""Below it a run has learned little more than the class frequencies."""
LATE_GAIN = 0.1
"""Gained in the second half of a run: it was ended too early."""
NOTHING = 0.02
"""Of H. Where so little can be learned, nothing can be read off what is."""
NO_ENTROPY = 1e-9
"""H of one class as rounding leaves it; one odd label of 5000 makes a million times more."""
CHANCE = 0.6
"""Train accuracy of the sign at_chance: a balanced two-class problem that is not learned."""

# When something can be said, as a share of the planned run

EARLY = 0.1
"""What must persist is judged from here on."""
FIRST_WORD = 5
"""Epochs, at least, before a run is called healthy, or ill: fewer show no more than the start."""
EQUAL_UNITS_EPOCHS = 10
"""Updates that round-off needs at least to tell equal units apart at a saddle."""
TOLD, TOLD_EPOCHS = 0.1, 5
"""What stood for so long, and for so many epochs, is told of when it is over."""
LATE, LATE_EPOCHS = 0.2, 10
"""Over so long, and so many epochs at least, it is judged whether a loss wobbles."""
SMOOTH, SMOOTH_EPOCHS = 0.02, 3
"""A loss is averaged over so long, for small batches make it tremble."""
SMOOTH_DEV = 0.05
"""A dev loss is averaged over so long: of fewer points it trembles more."""
HALFWAY, FEWEST = 0.5, 20
"""Before it a plateau may be left in time; epochs before which nothing is seen to stand still."""
GAIN_EPOCHS = 4
"""Epochs without which a run has no halves to be compared."""

# Units, and the signal that passes them

SIGNAL_LOST = math.exp(-3)
"""Of a difference, or of the gradient on its way back, still there behind all layers: exp(-1 / 2xi)
is kept per layer, and networks train down to about 6 xi layers (Schoenholz et al. 2017)."""
SIGNAL_GROWN = math.exp(3)
"""The same law on the other side of criticality."""
VANISHED = 1e-3
"""First layer's gradient over the last one's, of the sign vanishing_gradient. Stricter than
SIGNAL_LOST: a sign is shown beyond doubt, without a look at what the run learns."""
FACTOR_GROWN = 1.5
"""A signal that grew by more has blown up layer by layer; else one step was too long."""
FAR_ABOVE = 20.0
"""Times H. Logits that are only biases, |b| <= 10, cost at most 10 = 14.4 ln 2: weights did it."""
MOST_DEAD = 0.9
"""Of a layer. A closed boundary in the plane needs three lines; of 29 units 2 are left."""
MOSTLY_FLAT = 0.5
"""Of a layer's outputs: most lie where the slope is below 5 % of its largest."""

# Steps and the loss

TURN = 0.3
"""Radian: sum of |dW| / |W| over the run, an upper bound of the angle by which weights turn. Below
it steps are too short; a boundary has to turn by about a radian to find its place."""
JUMP, JUMPS = 0.05, 0.2
"""Of H from one epoch to the next, either way, and the share of epochs that jump so: an escape is a
single jump, not every fifth epoch."""
LOST, CALM, THROWN = 0.05, 0.025, 0.25
"""Of H, lost again in the mean: by long steps; by what is calm again; and by no wobble, for the run
was thrown out of its valley. Small batches that converge lose less than they have to learn."""
RISE = 1.1
"""The dev loss over its minimum."""
GAP, STANDARD_ERRORS = 0.08, 1.25
"""Accuracy on train above dev: 2.5 standard errors of a share of 250 points, each at most .032. Of
n points that is 1.25 / sqrt(n)."""
BELOW = 0.1
"""Of H. Who knows the distribution of 100 examples has a loss that lies within that of its mean."""
STILL = 0.05
"""Of what there is to learn: a loss that moved less in the second half of a run stands still, and
one that is no further from a straight line's is a straight line."""
QUIET = 0.25
"""Of the largest gradient that the run had: a slope on which nothing moves any more. A run that
began on its plateau never had a larger one; it stands still if no step throws it up either."""
HUGE = 1e6
"""Larger values count as this one: differences of sums that hold 1e30 tell nothing of the rest."""
NO_LOSS = 1e-12
"""A dev loss is at least this where it divides."""

# The data

SHORT, SHORT_ON_DEV = 0.04, 0.05
"""Accuracy below a limit: by chance two classifiers differ in few points, in more of a small dev
part. The two losses must differ as well."""
WORSE = 0.1
"""Of what there is to learn: a loss that another beats by so much is not the limit of the data."""
LARGE = 5.0
"""Standard deviation or mean of a feature. Initializers count on size 1; five times that puts the
usual sum beyond |z| = 4.4, where a sigmoid has 5 % of its slope."""
SHARED = 3.0
"""A mean in standard deviations: all examples look alike but for a tenth of their square, and the
boundary of every unit with bias 0 misses them all."""
FEW_ROWS, FEW_OF_ALL = 3, 1 / 4
"""Rows of all other classes, and their share of the largest: what can be learned is accident."""
LARGEST_WIDTH = 512
"""Units of a layer, beyond which a network twice as wide, to compare with, would take minutes."""

# Remedies

DEEP, WIDE, NARROW = 3, 8, 16
"""From DEEP hidden layers on sigmoid loses the signal with any weights, for its slope is at most
1/4; ReLU layers narrower than WIDE die by chance; NARROW ones still draw a curved boundary."""
NEAR = 1.5
"""Weights within this factor of the size that keeps a signal are of that size."""
FAR_BIAS = 1.0
"""A bias so far from 0 moves a unit away from where its curve is steepest."""
TIME, SIGMOID_TIME = 100.0, 2000.0
"""Learning rate times updates, below which plain gradient descent is still on its way; a shallow
sigmoid network has slopes of at most 1/4."""
FEW_UPDATES, ENOUGH_UPDATES = 300, 3000
"""With so few even sane steps are on their way, with so many they have arrived."""
REMEDY_GAIN = 0.25
"""Of what there is to learn: what a remedy must add to be called one."""
GRADIENT_BACK = 10.0
"""Times the gradient of fc1: what a remedy must add for the gradient to be back."""
