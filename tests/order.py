"""In which order several processes of pytest take the files: the long ones first and the many short
ones last, so that all of them end at about the same time; and what starts a product or a cluster
once for all its files stays in one process."""

# The fixtures of these folders are theirs as a whole: one product, one cluster.
TOGETHER = ("tests/browser/", "tests/faults/")
APART = ("tests/browser/test_fleet.py", "tests/browser/test_train_options.py")  # with their own
LONG = (
    "tests/browser/",
    "tests/faults/",
    "tests/web/test_state_machine.py",
    "tests/test_backup.py",
    "tests/browser/test_train_options.py",
    "tests/test_whole_path.py",
    "tests/test_recovery.py",
    "tests/browser/test_fleet.py",
    "tests/workers/test_several_nodes.py",
    "tests/recipes/test_learners.py",
    "tests/recipes/test_ranks.py",
    "tests/recipes/test_validation.py",
    "tests/workers/test_units.py",
    "tests/workers/test_supervisor.py",
    "tests/web/test_claim.py",
    "tests/recipes/test_troubles.py",
    "tests/recipes/test_photos.py",
    "tests/web/test_live_browser.py",
)

LAST = "tests/web/"  # many files of a second or two: no process is left alone with a long one


def together(nodeid: str) -> str:
    """The file of a test, or the folder whose files one process takes as a whole."""
    file = nodeid.partition("::")[0]
    shared = (one for one in TOGETHER if file.startswith(one) and file not in APART)
    return next(shared, file)


def turn(nodeid: str) -> int:
    """The smaller, the earlier; files of the same turn stay as they are collected."""
    where = together(nodeid)
    return LONG.index(where) if where in LONG else len(LONG) + where.startswith(LAST)
