"""Forked kernels: alike an ordinary one in all that a notebook sees, and gone when nobody wants them any more."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from importlib.metadata import entry_points
from multiprocessing import get_context
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError

from opslib.weekly import kernels
from opslib.weekly.kernels import client
from opslib.weekly.kernels.provisioner import ForkProvisioner

GROUP = "jupyter_client.kernel_provisioners"
FEW = ("ipykernel.kernelapp",)

pytestmark = pytest.mark.skipif(not kernels.can_fork()[0], reason=kernels.can_fork()[1])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the kernelspec, and with the provisioner's entry point where opslib is not installed with it."""
    place = tmp_path_factory.mktemp("kernels")
    kernels.install_kernelspec(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(place / "share" / "jupyter"))
        patch.setenv("IPYTHONDIR", str(place / "ipython"))
        if not entry_points(group=GROUP, name=kernels.PROVISIONER_NAME):
            info = place / "site" / "opslib_entry-0.dist-info"
            info.mkdir(parents=True)
            (info / "METADATA").write_text("Metadata-Version: 2.1\nName: opslib-entry\nVersion: 0\n")
            line = f"{kernels.PROVISIONER_NAME} = {ForkProvisioner.__module__}:{ForkProvisioner.__name__}"
            (info / "entry_points.txt").write_text(f"[{GROUP}]\n{line}\n")
            patch.syspath_prepend(str(place / "site"))
            patch.setenv("PYTHONPATH", str(place / "site"))
        yield place


@pytest.fixture(scope="module")
def server(place: Path) -> Iterator[None]:
    """One fork server, with all that is preloaded, for the tests that do not need one of their own."""
    with kernels.shared_server() as variables, pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield


@pytest.fixture
def own_server(place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Write a kernelspec whose kernels come from a server of this test alone."""
    monkeypatch.delenv(client.SERVER_VARIABLE, raising=False)
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "share" / "jupyter"))

    def install(*preload: str, memory_bytes: int | None = None) -> None:
        kernels.install_kernelspec(tmp_path, preload=(*FEW, *preload), memory_bytes=memory_bytes)

    yield install
    client.servers.close()


class Kernel:
    """A running kernel, for the length of a test."""

    def __init__(self, name: str = kernels.KERNEL_NAME, **launch: object) -> None:
        self.manager = KernelManager(kernel_name=name)
        self.manager.start_kernel(**launch)
        self.client = self.manager.client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=60)

    def __enter__(self) -> Kernel:
        return self

    def __exit__(self, *error: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)

    @property
    def provisioner(self) -> ForkProvisioner:
        provisioner = self.manager.provisioner
        assert isinstance(provisioner, ForkProvisioner)
        return provisioner

    def say(self, code: str) -> str:
        """What the code prints; an error's name and message where it raises."""
        printed: list[str] = []

        def keep(message: dict) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(textwrap.dedent(code), output_hook=keep, timeout=60)["content"]
        return "".join(printed).strip() if reply["status"] == "ok" else f"{reply['ename']}: {reply['evalue']}"

    def ended(self, seconds: float = 2.0) -> int | None:
        """The exit code, as the manager sees it."""
        assert self.manager.provisioner is not None
        until(lambda: not self.manager.is_alive(), seconds)
        return self.provisioner.process.poll()


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def notebook(*cells: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell)) for cell in cells])


def printed(executed: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for cell in executed.cells for output in cell.outputs).strip()


def run_notebook(source: str) -> str:
    return printed(NotebookClient(notebook(source), kernel_name=kernels.KERNEL_NAME).execute())


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_a_kernel_is_forked_with_its_libraries_loaded(server: None) -> None:
    with Kernel() as kernel:
        assert kernel.provisioner.launch == "forked"
        modules = ["pandas", "pyarrow", "duckdb", "seaborn", "opslib"]
        assert json.loads(
            kernel.say(f"import json, sys; print(json.dumps([n in sys.modules for n in {modules}]))")
        ) == [True] * len(modules)


def test_a_forked_kernel_does_not_import_its_libraries_again(server: None) -> None:
    """Measured in processor time, which does not depend on what else runs: an ordinary kernel needs over 2 s."""
    with Kernel() as kernel:
        assert kernel.say("import pandas, seaborn, duckdb; print(len(pandas.DataFrame({'a': [1]})))") == "1"
        used = psutil.Process(kernel.provisioner.pid).cpu_times()
        assert used.user + used.system < 1


def test_folder_environment_and_arguments_are_those_of_the_kernel(server: None, tmp_path: Path) -> None:
    environment = {**os.environ, "OPSLIB_TEST": "žluťoučký", "TZ": "Asia/Kolkata"}
    environment.pop("HOSTNAME", None)
    with Kernel(cwd=str(tmp_path), env=environment) as first, Kernel(env={**os.environ, "TZ": "UTC"}) as second:
        see = """
        import os, sys, time
        print(os.getcwd(), os.environ.get("OPSLIB_TEST"), time.strftime("%z"), __name__)
        """
        assert first.say(see) == f"{tmp_path} žluťoučký +0530 __main__"
        assert second.say(see) == f"{os.getcwd()} None +0000 __main__"
        assert first.say("print(sys.argv[1:] == ['-f', get_ipython().config.IPKernelApp.connection_file])") == "True"


def test_a_kernel_sees_what_an_ordinary_one_sees(server: None) -> None:
    """The server's own variables (one BLAS thread, no window system) must not leak into notebooks."""
    see = """
    import gc, json, os, resource, signal, sys, threading
    print(json.dumps({
        "environment": dict(os.environ),
        "path": sys.path,
        "main": sorted(name for name in vars(sys.modules["__main__"]) if not name.startswith("_")),
        "garbage is collected": gc.isenabled(),
        "interrupt": str(signal.getsignal(signal.SIGINT)),
        "terminate": str(signal.getsignal(signal.SIGTERM)),
        "blocked": sorted(signal.pthread_sigmask(signal.SIG_BLOCK, [])),
        "memory": resource.getrlimit(resource.RLIMIT_DATA),
        "leader": os.getsid(0) == os.getpgid(0) == os.getpid(),
        "main thread": threading.current_thread() is threading.main_thread(),
        "in": os.read(0, 1).decode(),
    }))
    """
    with Kernel() as forked, Kernel("python3") as ordinary:
        mine, theirs = json.loads(forked.say(see)), json.loads(ordinary.say(see))
    assert set(mine.pop("environment").items()) ^ set(theirs.pop("environment").items()) == set()
    assert mine == theirs


def test_an_interrupt_stops_the_cell_and_not_the_kernel(server: None) -> None:
    with Kernel() as kernel:
        kernel.say("here = 1")
        # Else a kernel turns away, for a moment, what is asked after an error.
        sleep = "import time; print('asleep', flush=True); time.sleep(60)"
        message = kernel.client.execute(sleep, stop_on_error=False)
        while kernel.client.get_iopub_msg(timeout=20)["msg_type"] != "stream":
            pass
        start = time.perf_counter()
        kernel.manager.interrupt_kernel()
        while (reply := kernel.client.get_shell_msg(timeout=5))["parent_header"].get("msg_id") != message:
            pass
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        assert time.perf_counter() - start < 2
        assert kernel.say("print(here)") == "1"


def test_a_restart_gives_a_new_process_at_the_same_sockets(server: None) -> None:
    with Kernel() as kernel:
        kernel.say("here = 1")
        before, sockets = kernel.provisioner.pid, kernel.manager.ip
        kernel.manager.restart_kernel()
        kernel.client.wait_for_ready(timeout=20)
        assert kernel.say("print(here)").startswith("NameError")
        assert kernel.provisioner.pid != before
        assert kernel.manager.ip == sockets
        assert kernel.provisioner.launch == "forked"
        assert is_gone(before)


def test_a_shutdown_runs_exit_functions_and_leaves_no_process_and_no_socket(server: None, tmp_path: Path) -> None:
    with Kernel(cwd=str(tmp_path)) as kernel:
        kernel.say("import atexit, pathlib; atexit.register(lambda: pathlib.Path('left').write_text('well'))")
        folder, process = Path(kernel.manager.ip).parent, kernel.provisioner.process
        assert len(list(folder.iterdir())) == 5
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel()
        assert process.returncode == 0
        assert (tmp_path / "left").read_text() == "well"
        assert not folder.exists()
        assert is_gone(process.pid)
        assert not kernel.manager.is_alive()


def test_a_shutdown_right_after_an_answer_needs_no_second_attempt(server: None) -> None:
    """papermill asks for kernel_info last, and ipykernel can hang at its end then; each time cost 3.5 s."""
    for _ in range(5):
        with Kernel() as kernel:
            kernel.client.kernel_info(reply=True, timeout=20)
            kernel.manager.shutdown_kernel()
            assert kernel.manager._shutdown_status.name == "ShutdownRequest"


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("import os; os._exit(7)", 7),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import os, signal; signal.raise_signal(signal.SIGSEGV)", -signal.SIGSEGV),
    ],
)
def test_the_exit_code_of_a_kernel_that_dies_is_handed_on(server: None, end: str, code: int) -> None:
    with Kernel() as kernel:
        kernel.client.execute(end)
        assert kernel.ended() == code


def test_a_killed_kernel_is_noticed_at_once_and_alone(server: None) -> None:
    with Kernel() as other:
        start = time.perf_counter()
        with pytest.raises(DeadKernelError):
            run_notebook("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
        assert time.perf_counter() - start < 4
        assert other.say("print('here')") == "here"


def test_signals_reach_what_the_kernel_started(server: None) -> None:
    """As with an ordinary launch, a kernel has a session of its own, and its processes are signalled with it."""
    with Kernel() as kernel:
        child = int(kernel.say("import subprocess; p = subprocess.Popen(['sleep', '60']); print(p.pid)"))
        assert os.getpgid(child) == os.getsid(child) == kernel.provisioner.pid
        kernel.manager.shutdown_kernel(now=True)
        until(lambda: is_gone(child))


def test_streams_are_those_that_were_given(server: None, tmp_path: Path) -> None:
    say = "import os; written = os.write(1, b'said\\n')"  # under pytest ipykernel leaves descriptor 1 alone
    path = tmp_path / "out"
    with path.open("wb") as out, Kernel(stdout=out, stderr=subprocess.STDOUT) as kernel:
        assert kernel.say(say) == ""
    assert path.read_text() == "said\n"
    with Kernel(stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as kernel:
        assert kernel.say(say) == ""
        assert kernel.provisioner.process.stdout.readline() == b"said\n"


def test_two_kernels_have_different_random_numbers(server: None) -> None:
    """NumPy's global generator is copied by a fork: without new seeds every team's bootstrap would be the same one."""
    draw = (
        "import random, numpy, uuid; print(random.random(), numpy.random.random(), numpy.random.default_rng().random())"
    )
    draws = [run_notebook(draw).split() for _ in range(2)]
    assert all(first != second for first, second in zip(*draws, strict=True))


def test_papermill_runs_it_and_figures_are_inline_as_ever(server: None, tmp_path: Path) -> None:
    """Matplotlib is imported before ipykernel chooses its inline backend: figures would silently not be shown."""
    source = notebook("week = 'none'", "import matplotlib.pyplot as plt\nprint(week)\nplt.plot([1, 2]);", "plt.plot(3)")
    source.cells[0].metadata["tags"] = ["parameters"]
    source.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(source, tmp_path / "in.ipynb")
    kinds = {}
    for name in (kernels.KERNEL_NAME, "python3"):
        executed = papermill.execute_notebook(
            tmp_path / "in.ipynb", None, {"week": "2026-W46"}, kernel_name=name, progress_bar=False
        )
        assert "2026-W46" in printed(executed)
        kinds[name] = [
            (output.output_type, sorted(output.get("data", {}))) for cell in executed.cells for output in cell.outputs
        ]
    assert kinds[kernels.KERNEL_NAME] == kinds["python3"]
    assert ("display_data", ["image/png", "text/plain"]) in kinds["python3"]


def test_eight_notebooks_run_at_once_in_threads(server: None) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(run_notebook, [f"import os; print({number}, os.getpid())" for number in range(8)]))
    assert [int(answer.split()[0]) for answer in answers] == list(range(8))
    assert len({answer.split()[1] for answer in answers}) == 8


def test_processes_share_one_server(server: None) -> None:
    """A weekly run has worker processes; each preloading for itself would cost more than it saves."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        parents = list(pool.map(run_notebook, ["import os; print(os.getppid())"] * 8))
    assert len(set(parents)) == 1
    assert "kernels.server" in " ".join(psutil.Process(int(parents[0])).cmdline())


def test_nothing_listens_where_others_could_come_in(server: None) -> None:
    with Kernel() as kernel:
        folder, process = Path(kernel.manager.ip).parent, psutil.Process(kernel.provisioner.pid)
        assert kernel.manager.transport == "ipc"
        assert folder.stat().st_mode & 0o777 == 0o700
        assert Path(os.environ[client.SERVER_VARIABLE].partition(":")[2]).parent.stat().st_mode & 0o777 == 0o700
        parent = process.parent()
        assert parent is not None
        assert not parent.net_connections("inet")
        # ipykernel itself has one, by which forked children of a notebook print; it takes only what has its secret
        mine = [found.laddr for found in process.net_connections("inet") if found.status == psutil.CONN_LISTEN]
        assert [address.ip for address in mine] == ["127.0.0.1"]


def answer_of(connection: socket.socket) -> bytes:
    try:
        return connection.recv(10)
    except ConnectionResetError:
        return b""


def test_a_bad_request_harms_nobody(server: None) -> None:
    path = os.environ[client.SERVER_VARIABLE].partition(":")[2]
    for nonsense in (b"", b"\x00\x00\x00\x05hello", b"\xff\xff\xff\xff", os.urandom(2000)):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(nonsense)
            connection.shutdown(socket.SHUT_WR)
            assert answer_of(connection) == b""
    with Kernel() as kernel:
        assert kernel.provisioner.launch == "forked"


OWNER = """
import subprocess, sys, time
from jupyter_client.manager import KernelManager
manager = KernelManager(kernel_name="opslib-warm")
manager.start_kernel()
client = manager.client()
client.start_channels()
client.wait_for_ready()
lines = []
client.execute_interactive(
    "import os, subprocess; print(os.getppid(), os.getpid(), subprocess.Popen(['sleep', '60']).pid)",
    output_hook=lambda message: lines.append(message["content"].get("text", "")),
)
print("".join(lines).strip(), manager.ip, flush=True)
time.sleep(60)
"""


def run_owner() -> tuple[subprocess.Popen[str], list[int], Path]:
    """A process with a kernel; its server, kernel and the kernel's child; the folder of the kernel's sockets."""
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    *pids, sockets = owner.stdout.readline().split()
    return owner, [int(pid) for pid in pids], Path(sockets).parent


def test_nothing_is_left_of_an_owner_that_was_killed(own_server: Callable[..., None]) -> None:
    own_server()
    owner, pids, folder = run_owner()
    servers_folder = Path(psutil.Process(pids[0]).cwd())
    assert all(psutil.pid_exists(pid) for pid in pids)
    owner.kill()
    owner.communicate()
    until(lambda: all(is_gone(pid) for pid in pids))
    until(lambda: not folder.exists() and not servers_folder.exists())


def test_what_a_kernel_started_in_another_session_ends_with_it_and_others_do_not(server: None) -> None:
    start = """
        import os, subprocess
        subprocess.run("setsid sleep 60 & env -i setsid sleep 60 &", shell=True)
        if (child := os.fork()) == 0:
            os.setsid()
            if os.fork() != 0:
                os._exit(0)
            import time; time.sleep(60)
        os.waitpid(child, 0)
        print(subprocess.run(["pgrep", "-P", str(os.getpid())], capture_output=True, text=True).stdout)
    """
    with Kernel() as other:
        beside = int(other.say("import subprocess; print(subprocess.Popen(['sleep', '60']).pid)"))
        with Kernel() as kernel:
            started = [int(pid) for pid in kernel.say(start).split()]
            living = [pid for pid in started if not is_gone(pid)]
            assert len(living) >= 3
        until(lambda: all(is_gone(pid) for pid in living))
        assert not is_gone(beside)


def test_a_client_that_was_killed_takes_only_its_own_kernels_with_it(server: None) -> None:
    with Kernel() as other:
        owner, (shared, *pids), folder = run_owner()
        owner.kill()
        owner.communicate()
        until(lambda: all(is_gone(pid) for pid in pids) and not folder.exists())
        assert psutil.pid_exists(shared)
        assert other.say("import os; print(os.getppid())") == str(shared)


def test_kernels_end_with_their_server_and_the_next_one_has_a_new_one(own_server: Callable[..., None]) -> None:
    own_server()
    with Kernel() as kernel:
        first = int(kernel.say("import os; print(os.getppid())"))
        os.kill(first, signal.SIGKILL)
        assert kernel.ended() == -signal.SIGKILL
    with Kernel() as kernel:
        assert kernel.provisioner.launch == "forked"
        assert kernel.say("import os; print(os.getppid())") != str(first)


def test_changed_source_is_loaded_anew(
    own_server: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who edits a chart function and restarts the kernel in JupyterLab must not go on with the old one."""
    module = tmp_path / "modules" / "opslib_test_chart.py"
    module.parent.mkdir()
    module.write_text("COLOUR = 'red'\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(module.parent), os.environ.get("PYTHONPATH", "")]))
    own_server("opslib_test_chart")
    ask = "import opslib_test_chart; print(opslib_test_chart.COLOUR)"
    with Kernel() as before:
        assert before.say(ask) == "red"
        module.write_text("COLOUR = 'dark blue'\n")
        with Kernel() as after:
            assert after.say(ask) == "dark blue"
            assert after.provisioner.launch == "forked"
        assert before.say(ask) == "red"


THREAD = "import threading, time\nthreading.Thread(target=time.sleep, args=(99,), daemon=True, name='t').start()"


@pytest.mark.parametrize(
    ("name", "source", "reason"),
    [
        ("opslib_test_thread", THREAD, "1 thread"),
        ("opslib_test_death", "import os\nos._exit(3)", "ended before it answered"),
    ],
)
def test_a_kernel_is_launched_the_ordinary_way_where_the_server_cannot_fork(
    own_server: Callable[..., None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    source: str,
    reason: str,
) -> None:
    (tmp_path / f"{name}.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    own_server(name)
    with Kernel() as kernel:
        assert kernel.provisioner.launch == "ordinary"
        assert reason in kernel.provisioner.launch_reason
        assert kernel.say("import sys; print('works', 'seaborn' in sys.modules)") == "works False"
        assert kernel.manager.transport == "ipc"


def test_a_kernel_is_launched_the_ordinary_way_where_there_is_no_fork(
    own_server: Callable[..., None], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own_server()
    monkeypatch.setattr(client, "can_fork", lambda: (False, "no fork on this system (test)"))
    with Kernel() as kernel:
        assert (kernel.provisioner.launch, kernel.provisioner.launch_reason) == (
            "ordinary",
            "no fork on this system (test)",
        )
        assert kernel.say("print('works')") == "works"
        folder = Path(kernel.manager.ip).parent
    assert not folder.exists()


def test_can_fork_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    assert kernels.can_fork()[0]
    monkeypatch.setattr(sys, "platform", "darwin")
    assert kernels.can_fork() == (
        False,
        "on darwin system libraries are not safe to use in a process that was forked without exec",
    )
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delattr(os, "pidfd_open")
    assert "5.3" in kernels.can_fork()[1]
    monkeypatch.delattr(os, "fork")
    assert kernels.can_fork() == (False, "linux has no fork")


def test_a_module_that_cannot_be_preloaded_is_left_to_the_notebook(
    own_server: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a typing error in opslib would end every kernel instead of showing up in the cell that imports it."""
    (tmp_path / "opslib_test_broken.py").write_text("def f(:\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    own_server("opslib_test_broken")
    with Kernel() as kernel:
        assert kernel.provisioner.launch == "forked"
        assert kernel.provisioner.process.unloaded["opslib_test_broken"].startswith("SyntaxError")
        assert kernel.say("import opslib_test_broken").startswith("SyntaxError")


def test_who_exceeds_the_memory_gets_an_error_and_the_others_do_not(own_server: Callable[..., None]) -> None:
    own_server("numpy", "pyarrow.parquet", "duckdb", memory_bytes=700 * 2**20)
    work = """
    import duckdb, numpy, pyarrow as pa, pyarrow.parquet as pq
    pq.write_table(pa.table({"a": numpy.arange(1_000_000)}), "numbers.parquet")
    mapped = pq.read_table("numbers.parquet", memory_map=True)
    print(duckdb.sql("select count(*), sum(a)::bigint from 'numbers.parquet'").fetchall()[0], mapped.num_rows)
    """
    with Kernel() as greedy, Kernel() as modest:
        assert greedy.say("import numpy; kept = numpy.ones(10**9)").startswith("MemoryError")
        assert greedy.say("print('still here')") == "still here"
        folder = Path(modest.manager.ip).parent
        assert modest.say(f"import os; os.chdir({str(folder)!r})") == ""
        assert modest.say(work) == "(1000000, 499999500000) 1000000"
        assert modest.say("import pyarrow; pyarrow.allocate_buffer(2**30)").startswith("ArrowMemoryError")


def test_the_memory_of_an_ordinary_launch_is_limited_too(
    own_server: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    own_server(memory_bytes=700 * 2**20)
    monkeypatch.setattr(client, "can_fork", lambda: (False, "no fork on this system (test)"))
    with Kernel() as kernel:
        assert kernel.say("import numpy; kept = numpy.ones(10**9)").startswith("MemoryError")


def test_the_kernelspec_names_the_provisioner(tmp_path: Path) -> None:
    folder = kernels.install_kernelspec(tmp_path, memory_bytes=5, preload=["numpy"])
    assert folder == tmp_path / "share/jupyter/kernels/opslib-warm"
    written = json.loads((folder / "kernel.json").read_text())
    assert written["metadata"]["kernel_provisioner"] == {
        "provisioner_name": "opslib-fork",
        "config": {"memory_bytes": 5, "preload": ["numpy"]},
    }
    assert [path.name for path in folder.iterdir()] == ["kernel.json"]
