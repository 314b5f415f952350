"""Warn of known vulnerabilities in .venv; never fail, since the service may be out of reach."""

from __future__ import annotations

import json
import subprocess
import sys

SECONDS = 60
COMMAND = ("-m", "pip_audit", "--format", "json", "--progress-spinner", "off", "--timeout", "5")


def main() -> None:
    try:
        audit = subprocess.run(
            [sys.executable, *COMMAND], capture_output=True, text=True, timeout=SECONDS
        )
        packages = json.loads(audit.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        print(f"warning: pip-audit gave no answer in {SECONDS} seconds; nothing was audited")
        return
    except (ValueError, KeyError):
        reason = (audit.stderr.strip().splitlines() or ["no output"])[-1]
        print(f"warning: pip-audit could not run; nothing was audited: {reason[:200]}")
        return

    for package in packages:
        for flaw in package.get("vulns", ()):
            fixed = ", ".join(flaw["fix_versions"]) or "no release yet"
            print(
                f"warning: {package['name']} {package['version']} has the known vulnerability "
                f"{flaw['id']}; fixed in {fixed}"
            )
    skipped = sum("skip_reason" in package for package in packages)
    print(f"pip-audit: {len(packages) - skipped} packages audited")
    if skipped:
        print(f"warning: {skipped} packages are unknown to the vulnerability service")


if __name__ == "__main__":
    main()
