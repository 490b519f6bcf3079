# A worker with the engine. docker-compose.gpu.yml gives it a GPU.
FROM python:3.11-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1
COPY pyproject.toml LICENSE ./
COPY spf_portrait spf_portrait
COPY backend backend
COPY worker worker
RUN pip install --no-cache-dir --editable '.[engine,postgresql]'
COPY models models
RUN useradd --create-home spf && mkdir /data && chown spf /data
USER spf
CMD ["python", "-m", "worker", "train"]
