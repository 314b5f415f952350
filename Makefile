# make run    open the window on the demo data      make test    run the tests
# make check  style, types, layers, known flaws     make bench  compare with an ordinary script
# make soak   kills, damage and a long run in the window, for an hour
# make screens  pictures of the window in all its states, into docs/screens
# make mutants  take each protection out and see a test fail
# make catalogue  gather the texts, and bring the translations in line with them
#
# PYTHON=...           the Python that .venv is made from
# TORCH_INDEX_URL=...  install torch and torchvision from this index (a CUDA or a CPU build)
# ARGS="..."           further arguments for the program or pytest

PYTHON ?= python3
TORCH_INDEX_URL ?=
ARGS ?=

VENV := .venv
VENV_PYTHON := $(VENV)/bin/python
RUN_READY := $(VENV)/requirements.stamp
DEV_READY := $(VENV)/requirements-dev.stamp
# Once .venv exists, it is the Python that must have tkinter, whatever PYTHON says.
CHECKED_PYTHON = $(if $(wildcard $(VENV_PYTHON)),$(VENV_PYTHON),$(PYTHON))

.DEFAULT_GOAL := run
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: run test check bench soak mutants screens catalogue system-run system-test force

run: system-run $(RUN_READY)
	$(VENV_PYTHON) vae_gui.py --demo $(ARGS)

test: system-test $(DEV_READY)
	$(VENV_PYTHON) -m pytest $(ARGS)

check: $(DEV_READY)
	$(VENV_PYTHON) -m ruff check .
	$(VENV_PYTHON) -m ruff format --check .
	$(VENV_PYTHON) -m mypy --strict vae benchmarks
	$(VENV)/bin/lint-imports --no-logo
	$(VENV_PYTHON) tools/audit.py

bench: system-run $(RUN_READY)
	$(VENV_PYTHON) -m benchmarks $(ARGS)

soak: system-test $(DEV_READY)
	VAE_SOAK=1 $(VENV_PYTHON) -m pytest -s tests/test_kills.py tests/test_damage.py tests/gui/test_soak.py $(ARGS)

screens: system-test $(DEV_READY)
	$(VENV_PYTHON) tools/screens.py

mutants: system-test $(DEV_READY)
	$(VENV_PYTHON) tools/mutants.py $(ARGS)

catalogue: $(DEV_READY)
	$(VENV_PYTHON) tools/catalogue.py

system-run:
	@PYTHON="$(CHECKED_PYTHON)" bash tools/system_packages.sh run

system-test:
	@PYTHON="$(CHECKED_PYTHON)" bash tools/system_packages.sh test

$(VENV_PYTHON): | system-run
	"$(PYTHON)" -m venv --clear $(VENV)

$(RUN_READY): requirements.txt $(VENV_PYTHON)
	@rm -f $@
	TORCH_INDEX_URL="$(TORCH_INDEX_URL)" bash tools/install_torch.sh $(VENV_PYTHON)
	$(VENV_PYTHON) -m pip install -r requirements.txt
	@touch $@

$(DEV_READY): requirements-dev.txt $(RUN_READY)
	@rm -f $@
	$(VENV_PYTHON) -m pip install -r requirements-dev.txt
	@touch $@

# A TORCH_INDEX_URL other than the one last installed from replaces torch.
ifneq ($(TORCH_INDEX_URL),)
ifneq ($(TORCH_INDEX_URL),$(shell cat $(VENV)/torch-index 2>/dev/null))
$(RUN_READY): force
endif
endif
