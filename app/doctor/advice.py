"""What may help where an engine cannot be used, judged by the words of its driver."""

import re

RUNNING = "See whether it runs and can be reached from here."
CERTIFICATES = re.compile(
    r"certificate|\bTLS\b|\bSSL\b|SSLError|sslmode|no encryption|WRONG_VERSION_NUMBER", re.IGNORECASE
)
CREDENTIALS = re.compile(
    r"password|authenticat|credentials|unauthorized|forbidden|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId"
    r"|pg_hba|role .* does not exist",
    re.IGNORECASE,
)
SETTINGS = {
    "database": ("user and password in POSTGRESQL_DB_URL", "sslmode and sslrootcert in POSTGRESQL_DB_URL"),
    "log": (
        "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM",
        "KAFKA_SECURITY_PROTOCOL and KAFKA_CA_FILE",
    ),
    "documents": ("user, password and authSource in MONGODB_URL", "tls and tlsCAFile in MONGODB_URL"),
    "media": ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3 and AWS_CA_BUNDLE"),
}
"""Of each section those that say who we are, and those that say whom we trust."""


def advice_on(section: str, words: str) -> str:
    if section in SETTINGS:
        credentials, certificates = SETTINGS[section]
        if CERTIFICATES.search(words):
            return f"Check the certificate authority: {certificates}."
        if CREDENTIALS.search(words):
            return f"It refuses us: check {credentials}."
    return RUNNING
