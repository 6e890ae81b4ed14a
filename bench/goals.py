# SPDX-License-Identifier: Apache-2.0
"""What was to be reached, and whether it was: rows of (what, goal, measured, met)."""

from typing import Callable, NamedTuple

from bench import AGE, FERNET, MIB, NULL_1_1, NULL_4_3
from cases.kernel import CBC, LEVELS, kernel
from cases.large import decrypted
from cases.memory import IDLE, SLOW, SLOW_CHUNKED
from cases.requests import RETURN_200, RETURN_200_AS_NGINX_IS
from cases.scaling import BYTES, CONNECTIONS, REQUESTS, row as scaling_row
from peers import FLASK


class NotMeasured(Exception):
    pass


class Results:
    def __init__(self, tables):
        self.tables = tables

    def __call__(self, table, row, column):
        found = self.tables[table].median(row, column) if table in self.tables else None
        if found is None:
            raise NotMeasured
        return found

    def ratio(self, table, row, other, column):
        return self(table, row, column) / self(table, other, column)


def best_kernel(get, n):
    for level in reversed(LEVELS):
        try:
            return get("kernel", kernel(level, n), "GB/s")
        except NotMeasured:
            pass
    raise NotMeasured


def of_copy_and_cipher(get):
    """The time of Fernet, of that of copying and of the cipher alone."""
    n = get("large", FERNET, "s") * get("large", FERNET, "MiB/s") * MIB
    cipher = n / (get("kernel", CBC, "GB/s") * 1e9)
    return get("large", FERNET, "s") / (get("large", NULL_4_3, "s") + cipher)


def large_growth(get):
    """By how many MiB the peak of 10 GiB is another than that of 1 GiB, where most."""
    return max(abs(get("memory", "10 GiB", column) - get("memory", "1 GiB", column))
               for column in ["Fernet", "Fernet, a form", "age"])


def slow_upload(name):
    return lambda get: max(get("connections", row, name) for row in [SLOW, SLOW_CHUNKED])


def of_one_worker(get):
    """What two workers do for a second of the processor, of what one does, where least. One
    connection keeps no two busy."""
    return min(get.ratio("scaling", scaling_row(2, n), scaling_row(1, n), column)
               for n in CONNECTIONS[1:] for column in [REQUESTS, BYTES])


def of_one_connection(get):
    return min(get.ratio("scaling", scaling_row(workers, CONNECTIONS[-1]), scaling_row(workers, 1),
                         column)
               for workers in [1, 2] for column in [REQUESTS, BYTES])


AT_LEAST, AT_MOST = "at least", "at most"


class Goal(NamedTuple):
    what: str
    direction: str
    limit: float
    digits: int  # of what is measured, behind the point
    unit: str
    compute: Callable


GOALS = [
    Goal("Fernet kernel, one stream, of AES-128-CBC alone", AT_LEAST, 0.93, 3, "",
         lambda get: best_kernel(get, 1) / get("kernel", CBC, "GB/s")),
    Goal("Fernet kernel, 16 streams, of one stream", AT_LEAST, 2.5, 3, "",
         lambda get: best_kernel(get, 16) / best_kernel(get, 1)),
    Goal("1 KiB forms, 32 connections: requests a second, of nginx's own `return 200`", AT_LEAST,
         0.80, 3, "", lambda get: get.ratio("requests", FERNET, RETURN_200, "requests/s")),
    Goal("the same, of `return 200` with nginx's own sizes of buffers", AT_LEAST, 0.80, 3, "",
         lambda get: get.ratio("requests", FERNET, RETURN_200_AS_NGINX_IS, "requests/s")),
    Goal("1 GiB Fernet: time, of null 4:3 and AES-128-CBC", AT_MOST, 1.10, 3, "",
         of_copy_and_cipher),
    Goal("16 connections with 64 MiB each, Fernet, of null 4:3", AT_LEAST, 0.65, 3, "",
         lambda get: get("concurrency", "16", FERNET) / get("concurrency", "16", NULL_4_3)),
    Goal("1 GiB age, of null 1:1", AT_LEAST, 0.70, 3, "",
         lambda get: get.ratio("large", AGE, NULL_1_1, "MiB/s")),
    Goal("1 GiB Fernet decrypted: time, of encryption", AT_MOST, 2.0, 3, "",
         lambda get: get.ratio("large", decrypted(FERNET), FERNET, "s")),
    Goal("1 GiB age decrypted: time, of encryption", AT_MOST, 2.2, 3, "",
         lambda get: get.ratio("large", decrypted(AGE), AGE, "s")),
    Goal("100 MiB: faster than Flask + gunicorn", AT_LEAST, 20, 1, " times",
         lambda get: get.ratio("peers", FERNET, FLASK, "MiB/s")),
    Goal("1 KiB forms: more a second than Flask + gunicorn", AT_LEAST, 30, 1, " times",
         lambda get: get.ratio("requests", FERNET, FLASK, "requests/s")),
    Goal("peak memory, 1 GiB and 10 GiB apart", AT_MOST, 2, 1, " MiB", large_growth),
    Goal("memory of an idle connection", AT_MOST, 4, 1, " KiB",
         lambda get: max(get("connections", IDLE, column) for column in [FERNET, AGE])),
    Goal("memory of a slow upload, Fernet", AT_MOST, 160, 1, " KiB", slow_upload(FERNET)),
    Goal("memory of a slow upload, age", AT_MOST, 160, 1, " KiB", slow_upload(AGE)),
    Goal("for each CPU second, two workers, of one", AT_LEAST, 0.90, 3, "", of_one_worker),
    Goal("for each CPU second, 10,000 connections, of one", AT_LEAST, 0.90, 3, "",
         of_one_connection),
]


def rows(tables):
    get = Results(tables)
    return [[goal.what, f"{goal.direction} {goal.limit:g}{goal.unit}", *judge(get, goal)]
            for goal in GOALS]


def judge(get, goal):
    try:
        measured = goal.compute(get)
    except NotMeasured:
        return ["not measured", ""]
    is_met = measured >= goal.limit if goal.direction == AT_LEAST else measured <= goal.limit
    return [f"{measured:.{goal.digits}f}{goal.unit}", "yes" if is_met else "**no**"]
