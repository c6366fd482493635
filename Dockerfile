# Two stages: pip works in the first, the image that runs holds no installer and no cache.
FROM python:3.11-slim-bookworm AS build
# PyPI's torch for Linux brings gigabytes of CUDA, so torch comes from PyTorch's own CPU index.
# Where pip already finds a CPU wheel: docker build --build-arg TORCH_INDEX= .
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends binutils
COPY requirements.txt constraints.txt ./
RUN python -m venv /venv \
    && /venv/bin/pip install --no-compile --no-deps ${TORCH_INDEX:+--index-url "$TORCH_INDEX"} \
        "$(grep -oE '^torch==[0-9.]+' requirements.txt)" \
    && /venv/bin/pip install --no-compile -r requirements.txt
# Nothing below is read by a run: installers, headers, test suites, notebook extensions, Arrow's
# network protocols, matplotlib's fonts for PDF, the serif one of the two Chinese fonts, what Babel knows of other languages, all of
# scikit-learn but its data files, with SciPy, which only it wants, and the symbols for a debugger.
# Two things must stay for `import torch`: bin/torch_shm_manager and torch/testing.
RUN cd /venv/lib/python3.11/site-packages \
    && rm -rf pip pip-* setuptools setuptools-* pkg_resources \
        _distutils_hack distutils-precedence.pth torch/include torch/test torch/lib/*test*.so \
        pylopdf_fonts_zh_cn/NotoSerifSC-Regular.otf \
        pyarrow/include pyarrow/src pyarrow/*flight* pyarrow/*s3* \
        pydeck/nbextension plotly/labextension \
    && find torch/bin -mindepth 1 ! -name torch_shm_manager -delete \
    && find . -type d -name tests -prune -exec rm -rf {} + \
    && rm -rf scipy scipy.libs scikit_learn.libs joblib threadpoolctl.py fontTools \
    && find sklearn -mindepth 1 -maxdepth 1 ! -name datasets ! -name __init__.py -exec rm -rf {} + \
    && find sklearn/datasets -mindepth 1 -maxdepth 1 ! -name data -exec rm -rf {} + \
    && find babel/locale-data -type f ! -name 'root.*' ! -name 'en*' ! -name 'zh*' ! -name 'LICENSE*' -delete \
    && strip --strip-unneeded torch/lib/libtorch_cpu.so torch/lib/libtorch_python.so \
        llvmlite/binding/libllvmlite.so
# Bytecode only of what is imported: pip's --no-compile made none, this line makes it. Streamlit imports
# some of it only when a page first needs it: what is missing fails here and not there.
RUN OMP_NUM_THREADS=1 /venv/bin/python -c "import matplotlib.backends.backend_agg, \
matplotlib.backends.backend_svg, alembic.command, babel.messages.mofile, babel.messages.pofile, numba, \
pandas, plotly.graph_objects, psycopg, sqlalchemy.dialects.postgresql, sqlalchemy.dialects.sqlite, \
pyarrow.dataset, pyarrow.fs, pyarrow.parquet, safetensors.torch, streamlit.web.bootstrap, \
streamlit.elements.plotly_chart, streamlit.web.cli, streamlit.web.server.starlette, torch._dynamo, tqdm, uvicorn; \
torch.optim.Adam([torch.ones(2, requires_grad=True)]).step(); numba.njit(lambda x: x + 1)(1)"

FROM python:3.11-slim-bookworm
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
    && python -c "from nndl_core.data.catalog import make_dataset; make_dataset('iris'); make_dataset('digits')"
# The run history; a volume mounted here belongs to the user below, as this folder does.
RUN install -d -o 10001 -g 0 -m 770 /data
USER 10001:0
EXPOSE 8501
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8501/_stcore/health', timeout=4)"]
CMD ["streamlit", "run", "app.py"]
