FROM python:3.12-slim
COPY requirements.txt server.py /app/
RUN pip install --no-cache-dir -r /app/requirements.txt
CMD ["python", "/app/server.py"]
