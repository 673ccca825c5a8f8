"""Patients, sites and outcomes: one table for each question.

    python benchmarks/patients.py
    python benchmarks/patients.py planted ultrasound --seeds 3
    python benchmarks/patients.py false_alarms --sets 200

The files patient_*.py beside this one explain the questions. Images are read from the
folder that CONTRASTIVE_CLUSTERING_DATA names. Strata of images are judged on a
validation part of other patients; `--final` uses the test part, which had no influence
on any choice.
"""

import argparse
from collections.abc import Callable

import pandas as pd
from patient_associations import false_alarms, intervals, lung, many_strata, power
from patient_calibration import audit_probes, copies, evaluation_intervals
from patient_costs import memory, speed
from patient_images import chest, stability, ultrasound
from patient_power import audit_alarms, audit_power, probe_power
from patient_sites import SECOND_SITE, planted

QUESTIONS: dict[str, Callable[[argparse.Namespace], pd.DataFrame]] = {
    "false_alarms": false_alarms,
    "power": power,
    "intervals": intervals,
    "many_strata": many_strata,
    "evaluation_intervals": evaluation_intervals,
    "audit_probes": audit_probes,
    "audit_power": audit_power,
    "probe_power": probe_power,
    "audit_alarms": audit_alarms,
    "copies": copies,
    "lung": lung,
    "planted": planted,
    "chest": chest,
    "stability": stability,
    "ultrasound": ultrasound,
    "speed": speed,
    "memory": memory,
}


def main() -> None:
    """Print one table for each question."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("questions", nargs="*", default=list(QUESTIONS), help=", ".join(QUESTIONS))
    add("--sets", type=int, default=1000, help="simulated data sets")
    add("--seeds", type=int, default=3, help="fits of each setting")
    add("--final", action="store_true", help="judge on the test part")
    add("--images", type=int, default=3000, help="images with a planted site")
    add("--data", nargs="+", default=["pneumoniamnist", "mnist"])
    add("--designs", nargs="+", default=list(SECOND_SITE))
    add("--removals", nargs="+", default=["none", "default"])
    asked = parser.parse_args()
    for question in asked.questions:
        print(question, flush=True)
        print(QUESTIONS[question](asked).to_string(index=False), flush=True)


if __name__ == "__main__":
    main()
