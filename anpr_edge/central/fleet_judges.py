"""The conditions a fleet is watched for, one judge each. What they mean: docs/watch.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from anpr_edge.central.fleet_conditions import (
    EXPECTED_WITHIN_S,
    Condition,
    Judgement,
    Moment,
    fail,
    not_known,
    warn,
    well,
)
from anpr_edge.central.fleet_health import Health
from anpr_edge.update.record import Phase

Judge = Callable[[Moment], Judgement]

ENDED: Final = {"never": "has not run", "gone": "has fallen silent"}


def _offline(moment: Moment) -> Judgement:
    unit = moment.unit
    if not moment.fleet.connected:
        return not_known("we are not connected to the broker")
    if unit.online is None:
        silent = unit.health is None and _listened_s(moment) > EXPECTED_WITHIN_S
        return fail("never heard of") if unit.listed and silent else not_known("it left no status")
    return well("online") if unit.online else fail(unit.offline_reason)


def _late(moment: Moment) -> Judgement:
    age_s, limit_s = moment.health_age_s, moment.limits.late_s
    if not moment.fleet.connected:
        return not_known("we are not connected to the broker")
    if age_s is None:
        waited_s = _listened_s(moment)
        return fail(f"none in {waited_s:.0f} s") if waited_s > limit_s else not_known("none yet")
    if age_s > limit_s:
        return fail(f"{age_s:.0f} s old")
    if not moment.unit.health_age_known:
        return not_known("left at the broker, we cannot tell when")
    return well(f"{age_s:.0f} s old")


def _listened_s(moment: Moment) -> float:
    since_s = moment.fleet.connected_s
    return 0.0 if since_s is None else moment.mono_s - since_s


def _of_health(judge: Callable[[Health, Moment], Judgement]) -> Judge:
    """A judge that needs a health message."""

    def judged(moment: Moment) -> Judgement:
        health = moment.unit.health
        return not_known("no health") if health is None else judge(health, moment)

    return judged


@_of_health
def _services(health: Health, _: Moment) -> Judgement:
    states = {"reader": health.reader, "uplink": health.uplink}
    wrong = [
        f"{name} {ENDED.get(s, s)}" for name, s in states.items() if s not in ("running", "starting", None)
    ]
    if wrong:
        return fail(", ".join(wrong))
    unknown = [name for name, state in states.items() if state is None]
    if unknown:
        return not_known(f"nothing of the {' and '.join(unknown)}")
    starting = [name for name, state in states.items() if state == "starting"]
    return warn(f"{' and '.join(starting)} starting") if starting else well("both run")


@_of_health
def _stages(health: Health, _: Moment) -> Judgement:
    if health.late_stages is None:
        return not_known("no stages told")
    return fail(f"late: {', '.join(health.late_stages)}") if health.late_stages else well()


def _losing(moment: Moment) -> Judgement:
    """Reads that are gone or missing; frames may be dropped, reads may not."""
    unit, now_s = moment.unit, moment.mono_s
    lost, dropped = unit.lost.within(now_s), unit.dropped.within(now_s)
    parts = [f"{lost} reads lost" if lost else "", f"{dropped} dropped from the outbox" if dropped else ""]
    parts.append(f"{unit.missing} asked for again by the centre" if unit.missing else "")
    breaks = unit.breaks.within(now_s)
    parts.append(f"the chain does not hold in {breaks} places" if breaks else "")
    rising = ", ".join(part for part in parts if part)
    if rising:
        return fail(rising)
    if unit.health is None:
        return not_known("no health")
    if unit.health.reads_lost is None or unit.health.dropped is None:
        return not_known("no counts of the " + ("reader" if unit.health.reads_lost is None else "outbox"))
    before = unit.health.reads_lost + unit.health.dropped
    return warn(f"{before} earlier, none lately") if before else well("none")


@_of_health
def _frames(health: Health, moment: Moment) -> Judgement:
    if health.faults is None:
        return not_known("no frames told")
    if health.faults:
        return fail(", ".join(f"{name} for {for_s:.0f} s" for name, for_s in health.faults.items()))
    taken = moment.unit.frames_taken.within(moment.mono_s)
    dropped = moment.unit.frames_dropped.within(moment.mono_s)
    share = dropped / taken if taken else 0.0
    return warn(f"{share:.0%} dropped lately") if share > moment.limits.frames_dropped else well()


@_of_health
def _outbox(health: Health, _: Moment) -> Judgement:
    if health.takes_reads is False:
        return fail("takes no reads: they wait in memory")
    if health.rebuilds:
        return warn(f"found broken and begun anew {health.rebuilds} times")
    if health.takes_reads is None or health.feeds is None:
        return not_known("no outbox told")
    return well()


@_of_health
def _backlog(health: Health, moment: Moment) -> Judgement:
    if health.feeds is None:
        return not_known("no outbox told")
    ages = {name: feed.oldest_age_s for name, feed in health.feeds.items() if feed.oldest_age_s is not None}
    if not ages:
        return well("nothing kept")
    feed = max(ages, key=lambda name: ages[name])
    told = f"oldest of {feed} {ages[feed]:.0f} s"
    return warn(told) if ages[feed] > moment.limits.backlog_s else well(told)


@_of_health
def _clock(health: Health, moment: Moment) -> Judgement:
    off_s, limits = moment.unit.clock_off_s, moment.limits
    if off_s is not None and abs(off_s) > limits.clock_off_s:
        return fail(f"{off_s:+.0f} s from ours")
    if health.clock_error_ms is None:
        running = health.reader == "running"
        return warn("not synchronised") if running else not_known("the reader does not say")
    told = f"within {health.clock_error_ms:.1f} ms"
    return warn(told) if health.clock_error_ms > limits.clock_error_ms else well(told)


@_of_health
def _certificate(health: Health, moment: Moment) -> Judgement:
    days = health.certificate_days
    if days is None:
        return not_known("the unit does not say")
    if days < 0:
        return fail(f"ended {-days:.0f} days ago")
    return (
        warn(f"{days:.0f} days left") if days < moment.limits.certificate_days else well(f"{days:.0f} days")
    )


@_of_health
def _policy(health: Health, _: Moment) -> Judgement:
    if health.policy_valid is False:
        return fail("not valid now: no feed gets reads")
    if health.policy_refused:
        return warn(f"a newer one is refused: {health.policy_refused}")
    return well()


@_of_health
def _light(health: Health, moment: Moment) -> Judgement:
    if health.lamp_fault:
        return fail(f"the lamps do not obey: {health.lamp_fault}")
    limit_s = health.exposure_limit_s
    if limit_s is not None and limit_s > moment.limits.exposure_s:
        return warn(f"at its limit for {limit_s:.0f} s")
    return well()


@_of_health
def _board(health: Health, moment: Moment) -> Judgement:
    limits, hot, free = moment.limits, health.temperature_c, health.disk_free_mb
    parts = list(health.limited)
    parts += [f"{hot:.0f} °C"] if hot is not None and hot > limits.temperature_c else []
    parts += [f"{free:.0f} MB free on its disk"] if free is not None and free < limits.disk_free_mb else []
    if parts:
        return warn(", ".join(parts))
    return not_known("the unit does not say") if hot is None and free is None else well()


@_of_health
def _update(health: Health, moment: Moment) -> Judgement:
    """The last update's outcome, or one that does not get on. The unit works meanwhile, by its old system."""
    if health.systems is None:
        return not_known("the unit does not say")
    last, fetch = health.systems.last, health.systems.fetch
    if fetch is not None and fetch.trouble:
        return warn(f"{fetch.words}: {fetch.trouble}")
    if fetch is None and last is not None and last.phase in (Phase.ROLLED_BACK, Phase.FAILED):
        what = "fell back from" if last.phase is Phase.ROLLED_BACK else "could not install"
        return warn(f"{what} {last.version}: {last.why or 'it does not say why'}")
    trial_s = _trial_s(health)
    if fetch is None and last is not None and trial_s > moment.limits.trial_s:
        return warn(f"{last.version} on trial for {trial_s / 60:.0f} min")
    if health.systems.running is None:
        return not_known("the unit does not say which system runs")
    return well(fetch.words if fetch else health.systems.words)


def _trial_s(health: Health) -> float:
    """For how long a system has been on trial; 0 when none is, or nobody knows since when."""
    last = health.systems.last if health.systems else None
    if last is None or last.phase is not Phase.TRYING or last.utc_s is None or health.utc_s is None:
        return 0.0
    return health.utc_s - last.utc_s


def _stored(moment: Moment) -> Judgement:
    """What the centre's store says; numbers are missing while a unit gives its backlog after live reads."""
    held, restarts = moment.unit.held, moment.unit.restarts.within(moment.mono_s)
    if held is None:
        return not_known("no store to look at, or nothing of this unit in it")
    parts = [f"{restarts} new chains lately: an outbox was lost" if restarts else ""]
    parts.append(f"{held.missing} numbers not here yet" if held.missing else "")
    parts.append(f"the chain did not hold in {held.breaks} places" if held.breaks else "")
    told = ", ".join(part for part in parts if part)
    return warn(told) if told else well("nothing missing")


def _watermarks(moment: Moment) -> Judgement:
    refused = moment.unit.acks_refused.within(moment.mono_s)
    return warn(f"{refused} refused lately") if refused else well()


def _listed(moment: Moment) -> Judgement:
    if moment.unit.listed is None:
        return not_known("no list of units")
    return well() if moment.unit.listed else warn("not in the list of units: its reads are refused")


CONDITIONS: Final = (
    Condition("offline", "offline", "The unit is connected to the broker", _offline,
              "ask for power and network at the site", essential=True),
    Condition("late", "late", "Its health comes each minute", _late,
              "anpr-edge doctor uplink-link on the unit", essential=True),
    Condition("losing", "losing", "No read is lost or missing", _losing,
              "anpr-edge doctor outbox on the unit; the store's ledger at the centre", essential=True),
    Condition("services", "unhealthy", "Both services run", _services,
              "anpr-edge status and the journal on the unit", essential=True),
    Condition("stages", "unhealthy", "Every stage of the reader is on time", _stages,
              "anpr-edge doctor service-reader on the unit"),
    Condition("frames", "unhealthy", "The camera gives usable pictures", _frames,
              "anpr-edge doctor frames on the unit"),
    Condition("outbox", "unhealthy", "The outbox takes reads", _outbox,
              "anpr-edge doctor outbox disk on the unit", essential=True),
    Condition("backlog", "late", "Reads leave the unit and are confirmed", _backlog,
              "is the feed's centre running? anpr-edge doctor outbox-backlog on the unit"),
    Condition("clock", "unhealthy", "Its clock is right, and it knows so", _clock,
              "anpr-edge doctor clock on the unit", essential=True),
    Condition("certificate", "unhealthy", "Its certificate is in date", _certificate,
              "anpr-fleet enrol in the workshop"),
    Condition("policy", "unhealthy", "Its signed policy is in force", _policy,
              "anpr-edge doctor policy on the unit"),
    Condition("light", "unhealthy", "Shutter, gain and lamps suffice", _light,
              "anpr-edge doctor exposure on the unit"),
    Condition("board", "unhealthy", "Power, heat and disk are within limits", _board,
              "look at its supply, its vents and its disk"),
    Condition("update", "unhealthy", "The last update went well", _update,
              "anpr-edge update status on the unit; hold the rollout until it is known why"),
    Condition("stored", "losing", "The centre's store has every number, in an unbroken chain", _stored,
              "wait while a backlog drains; else anpr-edge doctor outbox on the unit"),
    Condition("watermarks", "unhealthy", "The unit believes its centre's watermarks", _watermarks,
              "does the feed's ack_key on the unit belong to this centre?"),
    Condition("listed", "unhealthy", "The centre knows the unit", _listed,
              "anpr-central units add UNIT KEY"),
)  # fmt: skip
"""Every condition, the gravest first."""
