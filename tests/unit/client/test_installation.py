"""The client without the extra ``cli``: a program imports it, the command says what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest


def run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )


def test_the_client_imports_no_package_of_the_command() -> None:
    done = run(
        "import sys; sys.modules['rich'] = None  # httpx imports it where it is installed\n"
        "import secretary_client\n"
        "print(*{name.partition('.')[0] for name in sys.modules} & {'typer', 'mcp'})"
    )
    assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "", "")


@pytest.mark.parametrize("package", ["typer", "rich"])
def test_the_command_names_the_package_that_is_missing(package: str) -> None:
    done = run(
        f"import sys; sys.modules[{package!r}] = None\n"
        "from secretary_client.main import main; sys.exit(main(['list']))"
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'secretary: {package} is missing: pip install "secretary-client[cli]"\n'


def test_the_tools_for_models_name_the_package_that_is_missing() -> None:
    done = run(
        "import sys; sys.modules['mcp'] = None\n"
        "from secretary_client.main import main; sys.exit(main(['mcp']))"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'secretary: mcp is missing: pip install "secretary-client[cli,mcp]"\n'
