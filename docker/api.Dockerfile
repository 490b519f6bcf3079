# The API and the page. No torch: the plain installation, and the driver for PostgreSQL.
FROM node:22-slim AS page
WORKDIR /app/frontend
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc ./
RUN npm ci
COPY frontend ./
RUN npm run build

FROM python:3.11-slim
WORKDIR /app
ENV PYTHONUNBUFFERED=1
COPY pyproject.toml LICENSE ./
COPY spf_portrait/__init__.py spf_portrait/__init__.py
COPY spf_portrait/contract spf_portrait/contract
COPY backend backend
COPY worker/__init__.py worker/die_with_parent.py worker/
RUN pip install --no-cache-dir --editable '.[postgresql]'
COPY alembic.ini ./
COPY alembic alembic
COPY models models
COPY --from=page /app/backend/static backend/static
RUN useradd --create-home spf && mkdir /data && chown spf /data
USER spf
EXPOSE 8000
# Others can reach this address, so it refuses to start before there is a key: spf-studio keys create.
ENV SPF_HOST=0.0.0.0
CMD ["python", "-m", "backend.serve"]
