"""What may help where an engine cannot be used, judged by the words of its driver."""

import re

RUNNING = "See whether it runs and can be reached from here."
CERTIFICATES = re.compile(
    r"certificate|\bTLS\b|\bSSL\b|SSLError|sslmode|no encryption|WRONG_VERSION_NUMBER", re.IGNORECASE
)
CREDENTIALS = re.compile(
    r"password|authenticat|credentials|unauthorized|forbidden|AccessDenied|SignatureDoesNotMatch|InvalidAccessKeyId"
    r"|pg_hba|role .* does not exist|SaslMechanism",
    re.IGNORECASE,
)
SETTINGS = {
    "database": ("user and password in POSTGRESQL_DB_URL", "sslmode and sslrootcert in POSTGRESQL_DB_URL"),
    "log": (
        "KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD and KAFKA_SASL_MECHANISM",
        "KAFKA_SECURITY_PROTOCOL and KAFKA_CA_FILE",
    ),
    "documents": ("user, password and authSource in MONGODB_URL", "tls and tlsCAFile in MONGODB_URL"),
    "media": ("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL_S3, MEDIA_BASE_URL and AWS_CA_BUNDLE"),
}
"""Of each section those that say who we are, and those that say whom we trust."""

PLAIN_CASES = (
    ("database", re.compile(r'database ".*" does not exist'), "Create it, or mend its name in POSTGRESQL_DB_URL."),
    ("media", re.compile(r"There is no bucket"), "Create it, or mend AWS_S3_BUCKET_NAME."),
    (
        "log",
        re.compile(r"Connection at \S+ closed|ConnectionReset|IllegalSaslState|Unable to bootstrap"),
        "It hangs up: check whether KAFKA_SECURITY_PROTOCOL is what the port in KAFKA_BOOTSTRAP_SERVERS speaks.",
    ),
)
"""What the words alone make clear."""


def advice_on(section: str, words: str) -> str:
    for where, pattern, advice in PLAIN_CASES:
        if where == section and pattern.search(words):
            return advice
    if section in SETTINGS:
        credentials, certificates = SETTINGS[section]
        if CERTIFICATES.search(words):
            return f"Check the certificate authority: {certificates}."
        if CREDENTIALS.search(words):
            return f"It refuses us: check {credentials}."
    return RUNNING
