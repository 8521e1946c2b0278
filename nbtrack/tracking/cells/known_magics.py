"""What is known of IPython's magics by their names."""

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


TRANSPARENT_CELL_MAGICS = _words(
    "track time timeit prun capture debug memit mprun lprun mlflow_run code_wrap"
)
"""Cell magics that run the rest of the cell as code of the notebook."""

SHOWN_CELL_MAGICS = _words("html HTML javascript js latex markdown svg SVG")
"""Cell magics that only show the rest of the cell."""

SHELL_CELL_MAGICS = _words("bash sh script sx system ! cmd python python2 python3 pypy perl ruby")
"""Cell magics that run the rest of the cell in another process."""

FILE_CELL_MAGICS = _words("writefile file")

RUNNING_LINE_MAGICS = _words("time timeit prun memit lprun mprun")
"""Line magics that run the rest of the line as code of the notebook."""

OPAQUE_LINE_MAGICS = _words(
    "run store reset reset_selective load loadpy pylab edit ed macro rerun recall rep xdel sc R sql px"
)
"""Line magics that bind or delete names nobody knows."""

SETTING_LINE_MAGICS = _words("cd env set_env pip conda mamba micromamba uv pushd popd config gui autoawait")
"""Line magics that set something for all that follows."""

SHELL_LINE_MAGICS = _words("sx system ! cp mv mkdir rmdir rm ln")
"""Line magics that may write files."""

DRAWING_LINE_MAGICS = _words("matplotlib")
"""Line magics that say how figures are drawn."""

HARMLESS_LINE_MAGICS = _words(
    """
    aim aimport alias alias_magic autocall automagic autoreload autosave bookmark cat clear
    code_wrap colors connect_info debug dhist dirs doctest_mode hist history killbgscripts ldir less
    lf lk ll load_ext logoff logon logstart logstate logstop lprun ls lsmagic lx magic man
    matplotlib memit more mprun nbtrack notebook page pdb pdef pdoc pfile pinfo pinfo2 pprint
    precision psearch psource pwd pycat qtconsole quickref rehashx reload_ext save subshell t2 tb
    tensorboard track unalias unload_ext wandb watermark who who_ls whos xmode
    """
)
"""Line magics on which no result depends."""

_LOOKING_COMMANDS = re.compile(
    r"\s*(ls|ll|dir|cat|head|tail|less|more|pwd|echo|which|whoami|date|nvidia-smi|lscpu|free|df|du|wc|file|grep|find|top|ps"
    r"|uname|hostname|printenv|tree|stat|md5sum|sha256sum|nproc|env"
    r"|pip3? (list|show|freeze|check)|python3? (-V|--version)"
    r"|git (status|log|diff|show|branch|rev-parse))\b[^>]*$"
)
_INSTALLING_COMMANDS = re.compile(
    r"\s*(sudo\s+)?(\S*python3? -m )?(pip3?|conda|mamba|uv|apt|apt-get|brew|npm)\b"
)


def shell_use(command: str) -> str:
    """What a shell command does, as far as it tells: `looks`, `installs` or `runs`."""
    if _LOOKING_COMMANDS.match(command):
        return "looks"
    return "installs" if _INSTALLING_COMMANDS.match(command) else "runs"
