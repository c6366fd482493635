# Two stages: pip works in the first, the image that runs holds no installer and no cache.
FROM python:3.11-slim AS build
# PyPI's torch for Linux brings gigabytes of CUDA, so torch comes from PyTorch's own CPU index.
# Where pip already finds a CPU wheel: docker build --build-arg TORCH_INDEX= .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv \
    && /venv/bin/pip install --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        "$(grep -oE '^torch==[0-9.]+' requirements.txt)" \
    && /venv/bin/pip install -r requirements.txt
# Nothing below is read by a run: installers, headers, test suites, notebook extensions, Arrow's
# network protocols, the bytecode of what only torch.compile imports, matplotlib's fonts for PDF, the
# serif one of the two Chinese fonts, and all of scikit-learn but its data files, with SciPy, which
# only it wants. Two things must stay for `import torch`: bin/torch_shm_manager and torch/testing.
RUN cd /venv/lib/python3.11/site-packages \
    && rm -rf pip pip-* setuptools setuptools-* pkg_resources \
        _distutils_hack distutils-precedence.pth torch/include torch/test torch/lib/*test*.so \
        pylopdf_fonts_zh_cn/NotoSerifSC-Regular.otf \
        pyarrow/include pyarrow/src pyarrow/*flight* pyarrow/*s3* pydeck/nbextension plotly/labextension \
    && find torch/bin -mindepth 1 ! -name torch_shm_manager -delete \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf scipy scipy.libs scikit_learn.libs joblib threadpoolctl.py fontTools \
    && find sklearn -mindepth 1 -maxdepth 1 ! -name datasets ! -name __init__.py -exec rm -rf {} + \
    && find sklearn/datasets -mindepth 1 -maxdepth 1 ! -name data -exec rm -rf {} + \
    && find sympy mpmath networkx torch/onnx torch/_inductor torch/_dynamo torch/testing/_internal \
        -name __pycache__ -prune -exec rm -rf {} + \
    # Streamlit imports some of these only when a page first needs them: better to fail here.
    && /venv/bin/python -B -c "import matplotlib.backends.backend_agg, matplotlib.backends.backend_svg, \
alembic.command, numba, pandas, plotly.graph_objects, psycopg, sqlalchemy.dialects.postgresql, pyarrow.dataset, pyarrow.fs, safetensors.torch, \
streamlit.web.bootstrap, torch, tqdm"

FROM python:3.11-slim
COPY --from=build /venv /venv
# The root file system may be read-only: bytecode is not written, and Streamlit's and other
# libraries' home is the tmpfs on /tmp. One thread per operation: small networks gain nothing from
# more, and sessions share the cores.
ENV PATH=/venv/bin:$PATH \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    NNDL_DATA=/data \
    STREAMLIT_SERVER_ADDRESS=0.0.0.0
WORKDIR /app
COPY . .
# The training loop as machine code of the processor that builds; another one makes its own in seconds.
RUN python -m nndl_core compile \
    && python -c "from nndl_core.datasets import make_dataset; make_dataset('iris'); make_dataset('digits')"
# The run history; a volume mounted here belongs to the user below, as this folder does.
RUN install -d -o 10001 -g 0 -m 770 /data
USER 10001:0
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
