"""Network namespaces without names, commands in them, and packets into them; for lab.ts.

Everything ends with this process: the kernel takes namespaces away with their last holder. Requests come on standard
input as one line of JSON and `size` bytes; each is answered by one line of JSON and its bytes.

  {"op": "make", "names": [...], "interfaces": {name: mac, ...}}   receivers, each with these interfaces
  {"op": "run", "in": name, "argv": [...], "size": n}              runs a command there; the body is its input
  {"op": "send", "to": [name, ...], "size": n}                     the body is frames: interface, 0, length (16), bytes
"""
import ctypes, json, os, socket, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
NEWNET = 0x40000000
spaces = {}
sockets = {}


def enter(fd):
    if libc.setns(fd, NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def new_space(name):
    if libc.unshare(NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    spaces[name] = os.open("/proc/thread-self/ns/net", os.O_RDONLY)


def run(name, argv, data=b""):
    enter(spaces[name])
    try:
        return subprocess.run(argv, input=data, capture_output=True, timeout=60)
    finally:
        enter(spaces["wire"])


def must(name, text):
    for line in text.strip().split("\n"):
        done = run(name, line.split())
        if done.returncode:
            raise RuntimeError(f"{line}: {done.stderr.decode()}")


def make(names, interfaces):
    new_space("wire")
    for r, name in enumerate(names):
        new_space(name)
        enter(spaces["wire"])
        path = f"/proc/{os.getpid()}/fd/{spaces[name]}"
        for i, (interface, mac) in enumerate(interfaces.items()):
            end = f"w{r}i{i}"
            must("wire", f"ip link add {end} type veth peer name {interface} netns {path}")
            must("wire", f"sysctl -qw net.ipv6.conf.{end}.disable_ipv6=1")
            must("wire", f"ip link set {end} arp off up")
            must(name, f"ip link set {interface} address {mac}")
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            wire.bind((end, 0))
            sockets[name, i] = wire


def send(names, body):
    # One processor for all packets: they are then worked off in the order in which they were sent.
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    at = sent = 0
    while at < len(body):
        interface, _, length = struct.unpack_from("!BBH", body, at)
        frame = body[at + 4:at + 4 + length]
        for name in names:
            sockets[name, interface].send(frame)
        at += 4 + length
        sent += 1
        # What the kernel has put off, it works off meanwhile; its queue holds a thousand packets.
        if sent % 128 == 0:
            time.sleep(0.0005)
    time.sleep(0.02)
    os.sched_setaffinity(0, allowed)
    return {"sent": sent, "cpu": min(allowed)}


def answer(reply, body=b""):
    sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n" + body)
    sys.stdout.buffer.flush()


while line := sys.stdin.buffer.readline():
    request = json.loads(line)
    data = sys.stdin.buffer.read(request.get("size", 0))
    try:
        if request["op"] == "make":
            make(request["names"], request["interfaces"])
            answer({"ok": True})
        elif request["op"] == "run":
            done = run(request["in"], request["argv"], data)
            sizes = {"status": done.returncode, "out": len(done.stdout), "err": len(done.stderr)}
            answer(sizes, done.stdout + done.stderr)
        else:
            answer(send(request["to"], data))
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
