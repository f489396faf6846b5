import os
import sys
import threading

import pytest

from irs_engine import _native

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
linux = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")


def assert_covers(ranges, count):
    ranges = sorted(ranges)
    assert [begin for begin, _ in ranges] == [0, *(end for _, end in ranges)][:-1]
    assert ranges[-1][1] == count


@pytest.mark.parametrize("count", [1, 2, 3, 100, 1001])
@pytest.mark.parametrize("number", [1, 2, 3, 7, 64])
def test_ranges_are_disjoint_and_cover_everything(threads, number, count):
    threads(number)
    assert_covers(_native.parallel_ranges(count, 1), count)


def test_nothing_to_do():
    assert _native.parallel_ranges(0, 1) == []
    assert _native.parallel_ranges(-5, 1) == []


def test_grain_is_the_least_length_of_a_range(threads):
    threads(4)
    ranges = sorted(_native.parallel_ranges(100, 30))
    assert_covers(ranges, 100)
    assert all(end - begin >= 30 for begin, end in ranges[:-1])
    assert _native.parallel_ranges(100, 100) == [(0, 100)]


@pytest.mark.parametrize("number", [1, 3])
def test_exceptions_reach_the_caller_and_the_pool_goes_on(threads, number):
    threads(number)
    for fail_at in (0, 50, 99):
        with pytest.raises(ValueError, match=f"asked to fail at {fail_at}"):
            _native.parallel_ranges(100, 1, fail_at)
        assert_covers(_native.parallel_ranges(100, 1), 100)


def test_callers_in_many_threads(threads):
    threads(3)
    results = []

    def call():
        results.extend(_native.parallel_ranges(50, 1) for _ in range(200))

    callers = [threading.Thread(target=call) for _ in range(6)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(30)
    assert len(results) == 1200
    for ranges in results:
        assert_covers(ranges, 50)


@pytest.mark.parametrize("number", [0, -1, 5000])
def test_number_of_threads_is_checked(number):
    with pytest.raises(ValueError, match="threads: expected 1 to 1024, got"):
        _native.set_num_threads(number)


def test_variable_sets_the_number_of_threads(python):
    code = "from irs_engine import _native; print(_native.num_threads())"
    assert python(code, IRS_NUM_THREADS="5") == (0, "5")
    assert python(code, IRS_NUM_THREADS="") == (0, str(_native.usable_cpus()))


@pytest.mark.parametrize("value", ["0", "-2", "two", "3.5", "2 ", "99999999999999999999"])
def test_variable_is_checked_at_import(python, value):
    status, output = python("from irs_engine import _native", IRS_NUM_THREADS=value)
    assert status == 1
    assert f"IRS_NUM_THREADS: expected a number from 1 to 1024, got '{value}'" in output


@linux
def test_affinity_is_respected(python):
    code = """
        import os
        from irs_engine import _native
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        print(_native.usable_cpus(), _native.num_threads())
    """
    assert python(code) == (0, "1 1")


def fake_cgroup(root, groups, files):
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(groups)
    for name, text in files.items():
        path = root / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return _native.cgroup_cpus(str(root))


V1 = "12:memory:/docker/1\n4:cpu,cpuacct:/docker/1\n"
V1_QUOTA, V1_PERIOD = (f"cpu,cpuacct/docker/1/cpu.cfs_{name}_us" for name in ("quota", "period"))


@linux
@pytest.mark.parametrize(
    ("groups", "files", "cpus"),
    [
        ("0::/\n", {}, 0),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 0),
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "max 100000\n"}, 3),
        ("0::/a/b\n", {"a/cpu.max": "300000 100000\n", "a/b/cpu.max": "100000 100000\n"}, 1),
        ("0::/not/mounted\n", {"cpu.max": "400000 100000\n"}, 4),
        ("0::/\n", {"cpu.max": "nonsense\n"}, 0),
        (V1, {V1_QUOTA: "-1", V1_PERIOD: "100000"}, 0),
        (V1, {V1_QUOTA: "250000", V1_PERIOD: "100000"}, 3),
        (V1, {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}, 1),
        ("", {}, 0),
        ("nonsense\n::\n0:\n", {"cpu.max": "100000 100000\n"}, 0),
    ],
)
def test_cgroup_quota(tmp_path, groups, files, cpus):
    assert fake_cgroup(tmp_path, groups, files) == cpus


@needs_fork
def test_forked_child_makes_its_own_pool(python):
    code = """
        import os, signal, sys
        from irs_engine import _native
        _native.set_num_threads(3)
        expected = sorted(_native.parallel_ranges(100, 1))
        for _ in range(5):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                for _ in range(50):
                    assert sorted(_native.parallel_ranges(100, 1)) == expected
                grandchild = os.fork()
                if grandchild == 0:
                    os._exit(sorted(_native.parallel_ranges(100, 1)) != expected)
                os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            assert sorted(_native.parallel_ranges(100, 1)) == expected
        print("ok")
    """
    assert python(code) == (0, "ok")


@needs_fork
def test_fork_while_other_threads_use_the_pool(python):
    code = """
        import os, signal, threading
        from irs_engine import _native
        _native.set_num_threads(4)
        stop = threading.Event()
        def busy():
            while not stop.is_set():
                _native.parallel_ranges(1000, 1)
        workers = [threading.Thread(target=busy) for _ in range(2)]
        for worker in workers: worker.start()
        for _ in range(30):
            child = os.fork()
            if child == 0:
                signal.alarm(20)
                os._exit(len(_native.parallel_ranges(1000, 1)) == 0)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        stop.set()
        for worker in workers: worker.join()
        print("ok")
    """
    assert python(code) == (0, "ok")


@needs_fork
def test_multiprocessing_by_fork(python):
    code = """
        import multiprocessing
        from irs_engine import _native
        def work(count):
            return sum(end - begin for begin, end in _native.parallel_ranges(count, 1))
        _native.set_num_threads(3)
        work(10)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            print(pool.map_async(work, [10, 20, 30, 40]).get(30))
    """
    assert python(code) == (0, "[10, 20, 30, 40]")


@linux
def test_workers_leave_signals_to_python(python):
    code = """
        import os, threading
        from irs_engine import _native
        _native.set_num_threads(3)
        _native.parallel_ranges(100, 1)
        masks = []
        for task in os.listdir("/proc/self/task"):
            if int(task) != threading.get_native_id():
                status = open(f"/proc/self/task/{task}/status").read()
                masks.append(int(status.split("SigBlk:")[1].split()[0], 16) >> 1 & 1)    # SIGINT
        print(masks)
    """
    assert python(code) == (0, "[1, 1]")
