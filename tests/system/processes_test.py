# SPDX-License-Identifier: Apache-2.0
"""Which processes does a runner consist of, what may each of them do, and what is lost when one dies?"""
import os
import signal
import threading

import pytest

from support import proc, wait

ROLES = {"front": 1, "loader": 1, "worker": 2}  # builders come and go


def standing(runner):
    """The roles that stay, with their process ids."""
    return {role: pids for role, pids in runner.roles().items() if role != "builder"}


def numbers(runner):
    return {role: len(pids) for role, pids in standing(runner).items()}


@pytest.fixture
def alive(make_runner, published):
    """A runner of this test, warmed up with one guest."""
    runner = make_runner()
    assert runner.execute(published("hostile"), "count").code is None
    return runner


def test_one_family(alive):
    assert numbers(alive) == ROLES
    assert set(alive.roles()) <= {*ROLES, "builder"}


def test_roles_are_sealed(alive):
    for role, pids in alive.roles().items():
        for pid in pids:
            state = proc.status(pid)
            assert state["NoNewPrivs"] == "1", role
            for capability in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
                assert int(state[capability], 16) == 0, (role, capability)
            assert proc.limits(pid)["Max core file size"] == "0", role
            with open(f"/proc/{pid}/environ", "rb") as environment:
                assert environment.read() == b"", role
            assert alive.token.encode() not in open(f"/proc/{pid}/cmdline", "rb").read()


def test_roles_of_root_have_users_of_their_own(alive):
    if os.getuid() == 0:
        owners = {role: {proc.status(pid)["Uid"].split()[1] for pid in pids}
                  for role, pids in alive.roles().items()}
        assert all("0" not in uids for uids in owners.values()), owners
        assert not owners["worker"] & (owners["front"] | owners["loader"]), owners
    else:
        assert any("uid" in reason for reason in alive.client.get("/readyz").json()["degraded"])


def test_a_worker_is_two_threads_and_holds_nothing(alive, published):
    for _ in range(20):
        assert alive.execute(published("hostile"), "count").code is None
    for pid in alive.roles()["worker"]:
        assert proc.threads(pid) == 2
        leads = sorted(proc.descriptors(pid).values())
        kinds = {lead.split(":")[0] for lead in leads}
        # The image of a module's memory, from which the kernel copies pages as they are written.
        image = "/memfd"
        allowed = {"socket", "anon_inode", "pipe", "/dev/null", f"/proc/{pid}/pagemap", image}
        assert kinds <= allowed | {str(alive.log_file)}, leads
        assert sum(lead.startswith("socket:") for lead in leads) <= 2, leads


def test_descriptors_do_not_grow_with_executions(alive, published):
    pids = [alive.process.pid, *alive.pids()]

    def counts():
        return [len(proc.descriptors(pid)) for pid in pids]
    before = counts()
    for _ in range(100):
        assert alive.execute(published("hostile"), "count").code is None
    wait.until(lambda: all(now <= then + 2 for now, then in zip(counts(), before)),
               "descriptors to come back")


@pytest.mark.parametrize("role", ["worker", "loader", "front"])
def test_a_role_that_is_killed_comes_back(alive, published, role):
    others = {name: pids for name, pids in standing(alive).items() if name != role}
    for pid in alive.roles()[role]:
        os.kill(pid, signal.SIGKILL)
        wait.until(lambda pid=pid: pid not in alive.pids(), "it to be gone")
    wait.until(lambda: numbers(alive) == ROLES, "its return")
    wait.until(alive._ready, "the runner to be ready")
    for guest in ("hostile", "plain"):  # one that was loaded before, one that was not
        wait.until(lambda guest=guest: alive.execute(published(guest), "count").code is None,
                   f"{guest} to run again")
    if role != "front":  # nobody else had to go (who shares a socket with it gets a new one)
        now = alive.roles()
        assert all(now[name] == pids for name, pids in others.items()), (others, now)
    assert numbers(alive) == ROLES


def test_a_killed_worker_costs_its_own_executions_and_says_so(alive, published):
    """Guests loop in both workers; one worker is killed: its callers are told `worker_lost`, the others
    run to the end of their budgets."""
    hostile, results, lock = published("hostile"), [], threading.Lock()

    def loop(number):
        result = alive.execute(hostile, "loop", tenant=f"t{number}", install=f"i{number}",
                               limits={"cpu_ms": 1500, "timeout_ms": 20000})
        with lock:
            results.append(result)
    threads = [threading.Thread(target=loop, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    wait.until(lambda: alive.metric("annex_runner_executions_in_flight") == 8, "all to run")
    os.kill(alive.roles()["worker"][0], signal.SIGKILL)
    for thread in threads:
        thread.join()
    codes = sorted(result.code for result in results)
    assert set(codes) == {"cpu_exceeded", "worker_lost"}, codes
    assert all(result.http_status == 502 and result.started for result in results
               if result.code == "worker_lost")


def test_a_killed_loader_or_front_does_not_stop_the_supervisor(alive):
    for role in ("front", "loader", "front"):
        os.kill(wait.until(lambda role=role: alive.roles().get(role), role)[0], signal.SIGKILL)
        wait.until(alive._ready, "the runner to be ready", 20)
    assert alive.process.poll() is None
