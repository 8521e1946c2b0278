"""Names for runs that were given none: easy to say, hard to confuse."""

import os

_QUALITIES = """
    amber brave brisk calm clever crisp dapper deft eager early fair fleet frank gentle glad
    golden grand hardy humble jolly keen kind lively lucid lucky mellow merry mild neat nimble
    noble patient placid plucky polite proud quick quiet rapid ready rosy royal sage serene
    sharp silent silver sleek smart snug solid spry steady sunny swift tidy true upbeat vivid
    warm wise witty young zesty
""".split()  # noqa: SIM905 - a list would take a line a word

_THINGS = """
    alder aspen badger beech birch bison brook cedar comet condor coral crane delta dune eagle
    ember falcon fern finch fjord fox gecko glacier grove gull harbor hare hawk heron ibis iris
    jay juniper kestrel koala lagoon lark lemur linden lynx maple marten meadow meteor moth newt
    oak orbit orchid osprey otter panda pebble pine plover prairie puma quail quartz raven reef
    robin sable sparrow spruce stoat summit swan tern thrush tiger trout tulip vale viper walnut
    wren yak zebra
""".split()  # noqa: SIM905 - a list would take a line a word


def random_run_name() -> str:
    """A name such as `brisk-otter-417`; not promised to be unique."""
    # Not the random module: a user's random.seed() must neither be disturbed by us nor give every run
    # of a sweep the same name.
    chance, number = divmod(int.from_bytes(os.urandom(8)), 1000)
    chance, thing = divmod(chance, len(_THINGS))
    return f"{_QUALITIES[chance % len(_QUALITIES)]}-{_THINGS[thing]}-{number}"
