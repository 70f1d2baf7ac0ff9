#!/bin/sh
# Every text of pages and refusals, for translators: extract.sh PYBABEL FILE (/dev/stdout prints it).
exec "$1" --quiet extract --mapping-file=app/translations/extract.cfg --omit-header --no-location --sort-output \
  --keyword=Conflict --keyword=Forbidden --keyword=Invalid:2 --keyword=Malformed --keyword=NotFound \
  --keyword=NotSignedIn --keyword=PreconditionRequired --keyword=Stale --keyword=TooLarge --keyword=TooMany \
  --keyword=Unavailable --keyword=AppError --keyword=FieldError:2 --keyword=Phrase --keyword=see_other:2 \
  --output-file="$2" app
