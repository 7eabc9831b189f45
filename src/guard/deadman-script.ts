/** The dead-man: a POSIX shell script that puts the previous guard back unless it is told not to. */

/** Its name in the folder of a guard that waits. */
export const script = 'deadman.sh';

/**
 * Arguments: nft's path, seconds, the words of the generation that waits. It runs in the folder of that guard, and needs
 * neither Node, nor the network, nor whoever started it. Files there say how far it is: `armed` is renamed to `firing`
 * by the script or to something else by dnfw, and whoever renames it has decided. The sleep is relative: setting the
 * clock changes nothing. `loading` says that an nft may still be at work for a dnfw that took longer than the time
 * allowed; what it loads late is taken back, too.
 */
export const scriptText: string = `#!/bin/sh
# Made by dnfw install: restores the previous guard unless "dnfw confirm" comes first.
trap '' HUP INT QUIT
cd "$(dirname "$0")" || exit 1
nft=$1 seconds=$2 words=$3
echo $$ >timer.pid.tmp && mv timer.pid.tmp timer.pid
sleep "$seconds"
mv armed firing 2>/dev/null || exit 0
restore() {
  tries=0
  until "$nft" -j -f revert.json >restore.log 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 300 ] || return 1
    sleep 1
  done
}
restore || exit 1
if [ -e loading ]; then
  waited=0
  while [ -e loading ] && [ $waited -lt 30 ]; do
    sleep 1
    waited=$((waited + 1))
  done
  case $("$nft" list chain inet dnfw generation 2>/dev/null) in
  *"$words"*) restore || exit 1 ;;
  esac
fi
mv firing reverted
`;
