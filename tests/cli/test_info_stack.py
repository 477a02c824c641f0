# SPDX-License-Identifier: GPL-2.0-or-later
"""`ukdumpctl info` where the log tells of no place: symbols, registers and stack from memory."""

import pytest

from reading import gen, info, info_json, rows, write


@pytest.mark.parametrize("form", [gen.kallsyms.PERCPU, gen.kallsyms.BASE, gen.kallsyms.PLACE])
@pytest.mark.parametrize("writer", [gen.kdump, gen.elf])
def test_stack_where_the_log_tells_nothing(tmp_path, form, writer):
    machine = gen.Machine(log=["Linux version 6.12", "all is well"])
    machine.add_symbols(form)
    dump = write(tmp_path / "vmcore", writer(machine))
    j = info_json(dump)
    assert j["triage"]["kind"] == "unknown" and j["triage"]["signature"] is None
    assert j["panic"] is None
    assert j["stack"] == {"source": "memory", "error": None, "cpu": 1, "pid": 412,
                          "rip": "__crash_kexec+0x20/0x100",
                          "frames": ["panic+0x22/0x100", "sysrq_handle_crash+0x1a/0xd00",
                                     "0xffffffffc0001080 in a module"]}
    text = info(dump)[0]
    assert rows(text)["stack"] == "? panic+0x22/0x100"
    assert rows(text)["cpu"].startswith("1, PID 412 (from memory")
    assert "            ? 0xffffffffc0001080 in a module\n            found on the stack" in text


TRACE = ["Kernel panic - not syncing: test", "CPU: 1 PID: 412 Comm: bash Not tainted", "Call Trace:",
         " <TASK>", " sysrq_handle_crash+0x1a/0x20", " </TASK>"]


@pytest.mark.parametrize("lines,asked", [(6, False), (2, True), (1, True)])
def test_stack_only_where_the_log_has_no_place(tmp_path, lines, asked):
    machine = gen.Machine(log=TRACE[:lines])
    machine.add_symbols()
    j = info_json(write(tmp_path / "vmcore", gen.kdump(machine)))
    assert j["panic"] == TRACE[0] and j["triage"]["kind"] == "panic"
    assert (j["stack"] is not None) == asked


def test_stack_without_a_log(tmp_path):
    machine = gen.Machine()
    machine.add_symbols()
    machine.vmcoreinfo["SYMBOL(prb)"] = None
    j = info_json(write(tmp_path / "vmcore", gen.kdump(machine)))
    assert j["triage"] is None and j["log"]["error"]
    assert j["stack"]["rip"] == "__crash_kexec+0x20/0x100"


def test_stack_that_is_not_there(tmp_path):
    dump = write(tmp_path / "vmcore", gen.kdump(gen.Machine()))
    j = info_json(dump)
    assert set(j["stack"]) == {"source", "error"} and "Linux 6.0" in j["stack"]["error"]
    assert rows(info(dump)[0])["stack"].startswith("not read from memory: vmcoreinfo has no SYMBOL(")
