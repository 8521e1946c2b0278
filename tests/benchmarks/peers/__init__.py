"""nbtrack beside MLflow, W&B offline, Trackio and Aim: the same work, in the same run.

`make bench-peers` prints the table. It is made to be checked:

- `work.py` says what is measured. All clocks are in `workers/serving.py`, around the same calls for
  every peer; `workers/data.py` is what is logged.
- `workers/<peer>_worker.py` says how a peer does it: by its documented, fastest call that keeps the
  data. Each runs in an environment of its own, in a process of its own, in a folder of its own.
- In every round each peer has its turn, and the turns rotate: all meet the same noise. After a turn
  that writes, the machine rests for half a second, so that no peer pays for what another does in
  the background.
- What was written is read by a fresh process and compared, value by value, before a time counts.
- `contestants.py` holds settings and the footnotes: what a peer cannot do, or does under a
  condition. Everything not named there is the peer's default.

Switched off for all: telemetry, system metrics, the capture of console, code, git and environment.
nbtrack runs with its defaults and NBTRACK_CAPTURE_ENVIRONMENT=0. The scripts run from a copy outside of
any git repository, and the stores lie there too; TMPDIR chooses the disk.
"""
