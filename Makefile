# Childvault. Read from top to bottom; every target is listed by `make help`.

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=

ifeq ($(origin CC),default)
CC      := gcc
endif
BUILD   ?= build
SAN     ?=
JOBS    ?= $(shell nproc)
# clang before 16 takes zero-initialisation only with a second flag that says so.
CLANG   := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
ZERO    := -ftrivial-auto-var-init=zero $(if $(CLANG),$(shell $(CC) -Werror -ftrivial-auto-var-init=zero -xc -c -o /dev/null /dev/null 2>/dev/null || \
           echo -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang))
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fPIE $(ZERO)
OPT     ?= -O2 -g
SANFLAGS := -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=all
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -Iinclude -DLLHTTP_STRICT_MODE=1 -DCV_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL   := -std=c11 $(OPT) $(WARN) $(if $(SAN),$(SANFLAGS),$(HARDEN)) -pthread $(CFLAGS)
LDFLAGS_ALL  := -pthread $(if $(SAN),$(SANFLAGS),-pie -Wl,-z,relro,-z,now) $(LDFLAGS)

# ---- modules: each may include itself and what stands behind its name (make check-deps holds the code to it) ------
MODULES := base crypto format store model keys audit vault core front daemon profile client
ARROWS_base    :=
ARROWS_crypto  := base
ARROWS_format  := base
ARROWS_store   := base
ARROWS_model   := format base
ARROWS_keys    := crypto format store base
ARROWS_audit   := crypto format store base
ARROWS_vault   := model keys audit crypto format store base
ARROWS_core    := vault model keys audit crypto format store base
ARROWS_front   := format base
ARROWS_daemon  := core front vault model keys audit crypto format store base
ARROWS_profile := model crypto format base
ARROWS_client  := crypto format base

LIBS_base    :=
LIBS_crypto  := -lsodium
LIBS_format  :=
LIBS_store   := -llmdb
LIBS_model   := -lutf8proc
LIBS_front   := -ljansson
LIBS_daemon  := -lseccomp
LIBS_profile := -lyaml
LIBS_client  := -ljansson

LLHTTP_SRC := /usr/share/llhttp
LLHTTP_INC := /usr/share/include/llhttp

# main.c of the daemon stays out of its archive, so that tests and tools can link the rest.
srcs_of = $(filter-out src/daemon/main.c,$(sort $(wildcard src/$(1)/*.c)))
objs_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(call srcs_of,$(1)))
lib_of  = $(BUILD)/lib/$(1).a
# archives of a list of modules, and the system libraries they need
libs_of = $(foreach m,$(1),$(call lib_of,$(m)))
syslibs_of = $(sort $(foreach m,$(1),$(LIBS_$(m))))
# link objects with a list of modules: $(call link,modules)
link = $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(call syslibs_of,$(1))

.SUFFIXES:
.SECONDARY:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

PROGRAMS := $(BUILD)/childvaultd $(BUILD)/childvault $(BUILD)/childvault-audit
LIBRARY  := $(BUILD)/libchildvault.a $(BUILD)/libchildvault.so
MAN      := $(patsubst docs/%.scd,$(BUILD)/man/%,$(sort $(wildcard docs/*.scd)))

all: $(PROGRAMS) $(LIBRARY) $(MAN)	## build programs, client library and man pages

define module_rule
$(call lib_of,$(1)): $(call objs_of,$(1)) $(if $(filter front,$(1)),$(BUILD)/obj/llhttp/llhttp.o $(BUILD)/obj/llhttp/api.o $(BUILD)/obj/llhttp/http.o)
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(BUILD)/obj/src/front/%.o: CPPFLAGS_ALL += -isystem $(LLHTTP_INC)
$(BUILD)/obj/src/front/openapi.o: docs/openapi.json
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/obj/llhttp/%.o: $(LLHTTP_SRC)/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -DLLHTTP_STRICT_MODE=1 -I$(LLHTTP_INC) -O2 -g -fPIE $(if $(SAN),$(SANFLAGS)) -c -o $@ $<

# ---- programs -----------------------------------------------------------------------------------------------------
# audit_*.c are childvault-audit's alone; it shares what AUDIT_SHARED names
TOOL_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out tools/childvault-audit.c tools/audit_%.c,$(sort $(wildcard tools/*.c))))
AUDIT_SHARED := tools/cli.c tools/shares.c tools/table.c $(wildcard tools/trail*.c)
AUDIT_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,tools/childvault-audit.c $(sort $(AUDIT_SHARED) $(wildcard tools/audit_*.c)))
$(BUILD)/obj/tools/%.o: CPPFLAGS_ALL += -Itests -Itests/support

$(BUILD)/childvaultd: $(BUILD)/obj/src/daemon/main.o $(call libs_of,daemon $(ARROWS_daemon))
	$(call link,daemon $(ARROWS_daemon))
$(BUILD)/childvault: $(TOOL_OBJS) $(BUILD)/obj/tests/support/synth.o $(call libs_of,$(MODULES))
	$(call link,$(MODULES)) -lqrencode -lm
AUDIT_MODULES := vault client $(ARROWS_vault)
$(BUILD)/childvault-audit: $(AUDIT_OBJS) $(call libs_of,$(AUDIT_MODULES))
	$(call link,$(AUDIT_MODULES))

# ---- the client library: only childvault_* leaves it ----------------------------------------------------------------
CLIENT_MODULES := client $(ARROWS_client)
CLIENT_SRCS := $(foreach m,$(CLIENT_MODULES),$(call srcs_of,$(m)))
CLIENT_OBJS := $(patsubst %.c,$(BUILD)/pic/%.o,$(CLIENT_SRCS))
$(BUILD)/pic/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(filter-out -fPIE,$(CFLAGS_ALL)) -fPIC -MMD -MP -c -o $@ $<
$(BUILD)/pic/libchildvault.map:
	@mkdir -p $(@D)
	@echo '{ global: childvault_*; local: *; };' > $@
$(BUILD)/libchildvault.so.0: $(CLIENT_OBJS) $(BUILD)/pic/libchildvault.map
	$(CC) $(filter-out -pie,$(LDFLAGS_ALL)) -shared -Wl,--no-undefined -Wl,-soname,libchildvault.so.0 -Wl,--version-script,$(BUILD)/pic/libchildvault.map \
	  -o $@ $(CLIENT_OBJS) $(call syslibs_of,$(CLIENT_MODULES))
$(BUILD)/libchildvault.so: $(BUILD)/libchildvault.so.0
	@ln -sf libchildvault.so.0 $@
$(BUILD)/libchildvault.a: $(CLIENT_OBJS)
	@rm -f $@
	ld -r -o $(BUILD)/pic/libchildvault.o $^
	objcopy -w --keep-global-symbol='childvault_*' $(BUILD)/pic/libchildvault.o
	ar rcs $@ $(BUILD)/pic/libchildvault.o

$(BUILD)/man/%: docs/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@

# ---- unit tests: tests/unit/test_<module>[_part].c is linked with <module> and what stands behind it ----------------
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BINS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRCS))
SUPPORT_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,$(filter-out %_main.c,$(sort $(wildcard tests/support/*.c))))
SUPPORT_LIB := $(if $(SUPPORT_OBJS),$(BUILD)/lib/support.a)
$(BUILD)/lib/support.a: $(SUPPORT_OBJS)
	@mkdir -p $(@D)
	@rm -f $@
	ar rcs $@ $^
unit_module = $(word 2,$(subst _, ,$(1)))
define unit_rule
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(SUPPORT_LIB) $(call libs_of,$(call unit_module,$(1)) $(ARROWS_$(call unit_module,$(1))))
	@mkdir -p $$(@D)
	$$(call link,$(call unit_module,$(1)) $(ARROWS_$(call unit_module,$(1)))) -lcmocka -lm
endef
$(foreach t,$(notdir $(UNIT_BINS)),$(eval $(call unit_rule,$(t))))
# the shipped profile on a real vault
$(BUILD)/unit/test_vault_cells: $(call lib_of,profile)
$(BUILD)/unit/test_vault_cells: LIBS_vault := $(LIBS_profile)
# the suite that every engine behind store/store.h has to pass
$(BUILD)/unit/test_store: $(BUILD)/obj/tests/unit/store_conformance.o
# what childvault-audit counts, and the page it makes of it
$(BUILD)/unit/test_client_tally: $(BUILD)/obj/tools/audit_tally.o
$(BUILD)/unit/test_client_page: $(BUILD)/obj/tools/audit_page.o $(BUILD)/obj/tools/cli.o
$(BUILD)/obj/tests/unit/test_client_tally.o $(BUILD)/obj/tests/unit/test_client_page.o: CPPFLAGS_ALL += -Itools
# calls to the C library that fail on demand
$(BUILD)/unit/test_vault_faults $(BUILD)/unit/test_keys_change_faults: $(BUILD)/obj/tests/faults/fault.o
$(BUILD)/obj/tests/%.o: CPPFLAGS_ALL += -Itests -Itests/support -isystem $(LLHTTP_INC)

unit-bins: $(UNIT_BINS)
unit: $(UNIT_BINS)	## run the unit tests
	@UNIT_WRAP="$(UNIT_WRAP)" scripts/run-unit $(UNIT_BINS)
unit-%: $(BUILD)/unit/test_%
	$<

# ---- programs of tests ------------------------------------------------------------------------------------------------
BENCH_BINS := $(patsubst tests/bench/%.c,$(BUILD)/bench/%,$(sort $(wildcard tests/bench/bench_*.c)))
$(BUILD)/bench/%: $(BUILD)/obj/tests/bench/%.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lsodium -llmdb -lm
# this one writes logs
$(BUILD)/bench/bench_who: $(BUILD)/obj/tests/bench/bench_who.o $(call libs_of,audit $(ARROWS_audit))
	@mkdir -p $(@D)
	$(call link,audit $(ARROWS_audit)) -lm
# not among BENCH_BINS: only `make bench-peers` installs the libraries that this one needs
$(BUILD)/peers/peers_load: $(BUILD)/obj/tests/bench/peers_load.o
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^ -lpq -lldap -llber
$(BUILD)/obj/tests/bench/peers_load.o: CPPFLAGS_ALL += -isystem /usr/include/postgresql
SUPPORT_BINS := $(patsubst tests/support/%_main.c,$(BUILD)/support/%,$(sort $(wildcard tests/support/*_main.c)))
$(BUILD)/support/%: $(BUILD)/obj/tests/support/%_main.o $(SUPPORT_LIB)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_ALL) -o $@ $^
CLIENT_TEST := $(patsubst tests/integration/%.c,$(BUILD)/clients/%,$(sort $(wildcard tests/integration/*.c)))
# Linked as an outsider would: the public header and the library, nothing else.
$(BUILD)/clients/%: tests/integration/%.c $(BUILD)/libchildvault.so include/childvault.h
	@mkdir -p $(@D)
	$(CC) $(OPT) -std=c11 -D_GNU_SOURCE $(WARN) $(if $(SAN),$(SANFLAGS)) -Iinclude -o $@ $< -L$(BUILD) -lchildvault -Wl,-rpath,'$$ORIGIN/..'
# A daemon whose policy allows everything: what remains are the keys (tests/integration/55-allow-all).
ALLOW_ALL := build/allow-all
allow-all:
	@$(MAKE) --no-print-directory -s BUILD=$(ALLOW_ALL) CPPFLAGS=-DCV_POLICY_ALLOW_ALL $(ALLOW_ALL)/childvaultd
$(BUILD)/interop/log_make: $(BUILD)/obj/tests/interop/log_make.o $(call libs_of,audit $(ARROWS_audit))
	@mkdir -p $(@D)
	$(call link,audit $(ARROWS_audit))
$(BUILD)/obj/tests/interop/%.o: CPPFLAGS_ALL += -Itests
test-programs: $(CLIENT_TEST) $(BENCH_BINS) $(SUPPORT_BINS) $(BUILD)/preload.so $(BUILD)/clock.so

# What fault.c defines is found before the C library's, by liblmdb and libsodium too.
# It runs before a sanitizer does, and defines what _FORTIFY_SOURCE declares inline.
$(BUILD)/obj/tests/faults/fault.o: CFLAGS_ALL += -U_FORTIFY_SOURCE -fno-sanitize=all $(if $(findstring address,$(SAN)),-DBEHIND_ASAN)
FAULT_MODULES := vault $(ARROWS_vault)
$(BUILD)/faults: $(BUILD)/obj/tests/faults/faults.o $(BUILD)/obj/tests/faults/fault.o $(call libs_of,$(FAULT_MODULES))
	$(call link,$(FAULT_MODULES)) -lcmocka -lm

# Libraries that the real programs of a test load before the C library's (tests/integration/72-sync-fails, 65-report).
$(BUILD)/preload.so: tests/faults/open_calls.h
$(BUILD)/preload.so $(BUILD)/clock.so: $(BUILD)/%.so: tests/faults/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -Itests -std=c11 -O2 -g $(WARN) -U_FORTIFY_SOURCE -fPIC -shared -pthread -o $@ $< -ldl

CRASH_OBJS := $(patsubst tests/faults/%.c,$(BUILD)/obj/tests/faults/%.o,$(sort $(wildcard tests/faults/crash*.c)))
$(BUILD)/obj/tests/faults/crash_record.o: CFLAGS_ALL += -U_FORTIFY_SOURCE -fno-sanitize=all
$(BUILD)/crash: $(CRASH_OBJS) $(call libs_of,$(FAULT_MODULES))
	$(call link,$(FAULT_MODULES)) -lcmocka -lm

RUNS ?= 1 2 3
FUZZ_SECONDS ?= 10
FUZZ_BINS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
$(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(SUPPORT_LIB) $(call libs_of,$(MODULES))
	@mkdir -p $(@D)
	$(call link,$(MODULES)) -fsanitize=fuzzer -lm
fuzz-bins: $(FUZZ_BINS)

# ---- commands ---------------------------------------------------------------------------------------------------------
deps:	## install what Debian packages are missing; does nothing if all are there
	@scripts/install-deps
build: ; @$(MAKE) --no-print-directory -j$(JOBS) all

demo: deps	## build, then tell the story on a terminal
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@$(BUILD)/childvault demo

check: deps	## build and run every test (under six minutes on two cores)
	@scripts/run-check
integration: all test-programs allow-all	## run the integration tests, which start the real daemon
	@BUILD=$(BUILD) tests/integration/run
check-man: $(MAN)
	@scripts/check-man $(MAN)
check-openapi:
	@scripts/check-openapi docs/openapi.json docs/PROTOCOL.md
check-deps:	## hold the code to its module table, its limits and its banned calls
	@scripts/check-deps
	@scripts/check-source
check-interop: deps	## Go's own packages judge a log of 70,001 leaves that was exported, its proofs and cosignatures (Debian's golang; without it, skipped)
	@$(MAKE) --no-print-directory -s -j$(JOBS) all $(BUILD)/interop/log_make
	@BUILD=$(BUILD) tests/interop/check
check-asan:	## unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=build/asan SAN=address,undefined unit-bins
	@$(MAKE) --no-print-directory BUILD=build/asan SAN=address,undefined unit
check-valgrind:	## unit tests under valgrind (some minutes)
	@$(MAKE) --no-print-directory -s -j$(JOBS) unit-bins
	@$(MAKE) --no-print-directory unit UNIT_WRAP="valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite"
check-clang:	## everything compiles with clang, warnings as errors
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=build/clang CC=clang all unit-bins
	@echo "check-clang: everything compiles with clang"
check-faults:	## let calls to the C library fail under a working vault: a sample
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/faults
	@$(BUILD)/faults
check-faults-full:	## let every such call fail, also under AddressSanitizer (many minutes)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/faults
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=build/asan SAN=address,undefined build/asan/faults
	@$(BUILD)/faults --full
	@build/asan/faults --full
check-crash:	## kill a working vault, and cut its power, where it writes: a sample
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/crash
	@$(BUILD)/crash
check-crash-full:	## the same at every step, with several cuts each (many minutes)
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(BUILD)/crash
	@$(BUILD)/crash --full
fuzz:	## build every fuzz target with clang and run each for FUZZ_SECONDS (10)
	@$(MAKE) --no-print-directory -s -j$(JOBS) BUILD=build/fuzz CC=clang SAN=fuzzer-no-link,address,undefined fuzz-bins
	@scripts/run-fuzz $(FUZZ_SECONDS) $(patsubst $(BUILD)/%,build/fuzz/%,$(FUZZ_BINS))
bench: deps	## print the ratios of docs/DESIGN.md and write results/bench.json
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench.py $(BENCH_ARGS)
bench-who: deps	## who looked at one child, over a log of a million leaves; results/bench-who.json
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench_who.py $(BENCH_ARGS)
bench-rewrap: deps	## a vault of a million records is re-wrapped beside readers (many minutes, 15 GB); results/bench-rewrap.json
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench_keys.py $(BENCH_ARGS)
bench-peers: deps	## the daemon beside PostgreSQL and slapd (installed from Debian) on the same work; results/bench-peers.json
	@scripts/install-deps peers
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs $(BUILD)/peers/peers_load
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench_peers.py $(BENCH_ARGS)
bench-scale: deps	## how cost grows with records (to a million), connections and fields; cold pages, starts, memory (15 minutes, 12 GB); results/bench-scale.json
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs
	@BUILD=$(BUILD) /usr/bin/python3 tests/bench/bench_scale.py $(BENCH_ARGS)
bench-runs: deps	## bench, bench-peers and bench-scale in three separate runs, then the page (an hour); RUNS="2 3" makes these alone
	@scripts/install-deps peers
	@$(MAKE) --no-print-directory -s -j$(JOBS) all test-programs $(BUILD)/peers/peers_load
	@BUILD=$(BUILD) tests/bench/runs $(RUNS)
	@$(MAKE) --no-print-directory performance
soak: deps	## an hour of mixed work with restarts; nothing may grow, slow down or be lost; results/soak.json. SOAK_ARGS="--minutes 12" is shorter
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@BUILD=$(BUILD) /usr/bin/python3 tests/soak/soak.py $(SOAK_ARGS)
check-soak: deps	## the same in two minutes
	@$(MAKE) --no-print-directory -s -j$(JOBS) all
	@BUILD=$(BUILD) timeout 600 /usr/bin/python3 tests/soak/soak.py --short
syncs: all	## each answer held against the sync of its leaf, from core's system calls (strace); results/syncs.json
	@BUILD=$(BUILD) SYNC_SECONDS=3 RESULT=results/syncs.json tests/integration/73-syncs
performance:	## write docs/PERFORMANCE.md and its charts from results/
	@/usr/bin/python3 scripts/make-performance
format:	## run clang-format over the lines of C files that differ from HEAD
	@git clang-format --force --extensions c,h HEAD

# Files that name places are written here, since PREFIX is what this command line says, not what the build's said.
PLACE = sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' -e 's|@LIBS@|$(call syslibs_of,$(CLIENT_MODULES))|' dist/$(@F).in > $@ && chmod 644 $@
SHARE := $(DESTDIR)$(PREFIX)/share
DOC   := $(SHARE)/doc/childvault
UNITS := $(DESTDIR)$(PREFIX)/lib/systemd/system
PLACED := $(DESTDIR)$(PREFIX)/lib/pkgconfig/childvault.pc $(UNITS)/childvaultd.service $(UNITS)/childvault-proxy@.service
$(PLACED): always
	@mkdir -p $(@D)
	$(PLACE)
always:

install: all $(PLACED)	## install under PREFIX (/usr/local), below DESTDIR if set
	install -Dm755 -t $(DESTDIR)$(PREFIX)/sbin $(BUILD)/childvaultd
	install -Dm755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/childvault $(BUILD)/childvault-audit
	install -Dm644 -t $(DESTDIR)$(PREFIX)/include include/childvault.h
	install -Dm644 -t $(DESTDIR)$(PREFIX)/lib $(BUILD)/libchildvault.a
	install -Dm755 -t $(DESTDIR)$(PREFIX)/lib $(BUILD)/libchildvault.so.0
	ln -sf libchildvault.so.0 $(DESTDIR)$(PREFIX)/lib/libchildvault.so
	install -Dm644 -t $(SHARE)/childvault/profiles $(wildcard profiles/*.yaml)
	install -Dm644 -t $(DOC) README.md SECURITY.md CHANGELOG.md
	install -Dm644 -t $(DOC)/docs $(wildcard docs/*.md docs/*.svg) docs/openapi.json
	install -Dm644 -t $(DOC)/clients/python clients/python/childvault.py
	install -Dm644 -t $(DOC)/clients/node clients/node/example.js
	for m in $(MAN); do install -Dm644 -t $(SHARE)/man/man$${m##*.} $$m; done

clean:	## remove what was built
	rm -rf build
help:	## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

.PHONY: all unit unit-bins allow-all test-programs fuzz-bins deps build demo check integration check-man check-openapi check-deps check-interop check-asan \
	check-valgrind check-clang check-faults check-faults-full check-crash check-crash-full fuzz bench bench-who bench-rewrap bench-peers bench-scale bench-runs \
	soak check-soak syncs performance format install always clean help

-include $(shell find $(BUILD)/obj $(BUILD)/pic -name '*.d' 2>/dev/null)
