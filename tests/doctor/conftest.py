"""What needs a real server is collected where the settings name one, and nowhere else."""

import os

NEEDS = {
    "test_kafka.py": "KAFKA_BOOTSTRAP_SERVERS",
    "test_bucket.py": "AWS_S3_BUCKET_NAME",
    "test_mongo.py": "MONGODB_URL",
}

collect_ignore = [name for name, setting in NEEDS.items() if not os.environ.get(setting)]
