# Childvault. Read from top to bottom; every target is listed by `make help`.

CC      ?= gcc
BUILD   ?= build
SAN     ?=
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
HARDEN  := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fstack-clash-protection -fPIE -ftrivial-auto-var-init=zero
OPT     ?= -O2 -g
CPPFLAGS_ALL := -D_GNU_SOURCE -Isrc -Iinclude -DLLHTTP_STRICT_MODE=1 $(CPPFLAGS)
CFLAGS_ALL   := -std=c11 $(OPT) $(WARN) $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer,$(HARDEN)) -pthread $(CFLAGS)
LDFLAGS_ALL  := -pthread $(if $(SAN),-fsanitize=$(SAN),-pie -Wl,-z,relro,-z,now) $(LDFLAGS)

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
ARROWS_profile := model format base
ARROWS_client  := crypto format base

LIBS_base    :=
LIBS_crypto  := -lsodium
LIBS_format  :=
LIBS_store   := -llmdb
LIBS_front   := -ljansson
LIBS_daemon  := -lseccomp
LIBS_profile := -lyaml
LIBS_client  := -ljansson

LLHTTP_SRC := /usr/share/llhttp
LLHTTP_INC := /usr/share/include/llhttp

srcs_of = $(sort $(wildcard src/$(1)/*.c))
objs_of = $(patsubst %.c,$(BUILD)/obj/%.o,$(call srcs_of,$(1)))
lib_of  = $(BUILD)/lib/$(1).a
# archives of a list of modules, and the system libraries they need
libs_of = $(foreach m,$(1),$(call lib_of,$(m)))
syslibs_of = $(foreach m,$(1),$(LIBS_$(m)))

.SUFFIXES:
.SECONDARY:
.DEFAULT_GOAL := all

define module_rule
$(call lib_of,$(1)): $(call objs_of,$(1)) $(if $(filter front,$(1)),$(BUILD)/obj/llhttp/llhttp.o $(BUILD)/obj/llhttp/api.o $(BUILD)/obj/llhttp/http.o)
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach m,$(MODULES),$(eval $(call module_rule,$(m))))

$(BUILD)/obj/src/front/%.o: CPPFLAGS_ALL += -isystem $(LLHTTP_INC)
$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
$(BUILD)/obj/llhttp/%.o: $(LLHTTP_SRC)/%.c
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -DLLHTTP_STRICT_MODE=1 -I$(LLHTTP_INC) -O2 -g -fPIE $(if $(SAN),-fsanitize=$(SAN)) -c -o $@ $<

# ---- unit tests: tests/unit/test_<module>[_part].c is linked with <module> and what stands behind it ----------------
UNIT_SRCS := $(sort $(wildcard tests/unit/test_*.c))
UNIT_BINS := $(patsubst tests/unit/%.c,$(BUILD)/unit/%,$(UNIT_SRCS))
SUPPORT_OBJS := $(patsubst %.c,$(BUILD)/obj/%.o,$(sort $(wildcard tests/support/*.c)))
unit_module = $(word 2,$(subst _, ,$(1)))
define unit_rule
$(BUILD)/unit/$(1): $(BUILD)/obj/tests/unit/$(1).o $(SUPPORT_OBJS) $(call libs_of,$(call unit_module,$(1)) $(ARROWS_$(call unit_module,$(1))))
	@mkdir -p $$(@D)
	$(CC) $(LDFLAGS_ALL) -o $$@ $$(filter %.o,$$^) -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group $(call syslibs_of,$(call unit_module,$(1)) $(ARROWS_$(call unit_module,$(1)))) -lcmocka -lm
endef
$(foreach t,$(notdir $(UNIT_BINS)),$(eval $(call unit_rule,$(t))))
# the suite that every engine behind store/store.h runs
$(BUILD)/unit/test_store: $(BUILD)/obj/tests/unit/store_conformance.o
$(BUILD)/obj/tests/%.o: CPPFLAGS_ALL += -Itests -Itests/support -isystem $(LLHTTP_INC)

unit: $(UNIT_BINS)
	@for t in $(UNIT_BINS); do $$t || exit 1; done
unit-%: $(BUILD)/unit/test_%
	$<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)
