"""Everything a request may need, built once by `main.py`."""

import msgspec

from app.api_keys import ApiKeys
from app.domain.submissions import Submissions
from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.log import Log
from app.engines.media import Media
from app.passwords import Passwords
from app.pictures import Pictures
from app.rate_limits import SharedLimits, UserLimits
from app.sessions import Sessions
from app.settings import Settings
from app.supervision import Supervised


class Parts(msgspec.Struct, frozen=True):
    settings: Settings
    database: Database
    log: Log
    documents: Documents
    media: Media
    pictures: Pictures
    passwords: Passwords
    sessions: Sessions
    api_keys: ApiKeys
    shared_limits: SharedLimits
    user_limits: UserLimits
    submissions: Submissions
    tasks: list[Supervised]
