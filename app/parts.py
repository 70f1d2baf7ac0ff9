"""Everything a request may need, built once by `main.py`."""

from app import sale_clock
from app.api_keys import ApiKeys
from app.consumers import relay
from app.consumers.relay import relay_facts
from app.domain.passwords import PasswordCheck
from app.domain.sale import sell
from app.domain.submissions import Submissions
from app.engines.database import Database
from app.engines.documents import Documents
from app.engines.log import Log
from app.engines.media import Media
from app.leased import Leased
from app.passwords import Passwords
from app.pictures import Pictures
from app.rate_limits import SharedLimits, UserLimits
from app.sale_clock import tick
from app.sale_desk import SaleDesk
from app.sessions import Sessions
from app.settings import Settings
from app.supervision import Supervised
from app.ticket_printer import TicketPrinter


class Parts:
    """A plain class on purpose: Litestar would look into every field of a struct or dataclass, on each request."""

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        log: Log,
        documents: Documents,
        media: Media,
        pictures: Pictures,
        printer: TicketPrinter,
    ) -> None:
        self.settings = settings
        self.database = database
        self.log = log
        self.documents = documents
        self.media = media
        self.pictures = pictures
        self.tasks: list[Supervised] = []
        self.draining = False
        self.printer = printer
        self.passwords = Passwords()
        self.sessions = Sessions(database, settings)
        self.api_keys = ApiKeys(database)
        self.shared_limits = SharedLimits(database)
        limits = settings.rate_limits
        self.user_limits = UserLimits({"submit": limits.submit, "buy": limits.buy, "read": limits.read})
        self.password_check = PasswordCheck(database, self.passwords, self.shared_limits, limits)
        self.submissions = Submissions(database, log)
        self.sale_desk = SaleDesk(database, sell, sold=lambda: self.relay.wake())
        self.relay = Leased(
            "relay",
            database,
            lambda: relay_facts(database, log),
            relay.EVERY_SECONDS,
            lambda: relay.REST_IN_A_RUSH if self.sale_desk.busy else relay.REST_SECONDS,
        )
        self.sale_clock = Leased("sale-clock", database, lambda: tick(database), sale_clock.EVERY_SECONDS)
