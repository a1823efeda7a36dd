"""`make migrate-create msg='...'`: writes an empty migration."""

import sys

from hermes.db import schema

if __name__ == '__main__':
    print(schema.revise(sys.argv[1]))
