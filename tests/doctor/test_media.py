"""How the doctor asks for addresses of a bucket."""

from pathlib import Path

import pytest

from app.doctor.media import get
from app.errors import Unavailable, with_cause
from tests.answering import answering
from tests.engines.tls_front import write_certificate


async def test_an_own_certificate_authority_is_trusted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    certificate, key = write_certificate(tmp_path)
    with answering(lambda *_: (200, "picture"), (certificate, key)) as address:
        with pytest.raises(Unavailable) as refused:
            await get(address)
        assert "certificate verify failed" in with_cause(refused.value)
        monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
        assert (await get(address))[0] == 200
