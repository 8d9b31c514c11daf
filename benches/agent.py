#!/usr/bin/env python3
"""What the agent costs a gateway, beside a Python agent with a synced SQLite spool, in one run.

    cargo build --profile edge --package dustwatch-edge && .test-programs/python/bin/pip install paho-mqtt==2.1.0
    .test-programs/python/bin/python benches/agent.py target/edge/dustwatch-edge

Each agent reads one JSON observation of nine parameters a line from the same program, makes it durable and publishes it to
a Mosquitto of its own on this machine, QoS 1, `confirm = "broker"`. CPU seconds and memory are the agent's own, from /proc.
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import paho.mqtt.client as mqtt

PARAMETERS = 9
MONTH = 43_200  # observations of 30 days, one a minute
DEVICE = "110109-DY-0003"
HERE = Path(__file__).resolve().parent
TICK = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Broker:
    def __init__(self, folder):
        self.port = free_port()
        self.settings = folder / "mosquitto.conf"
        self.settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n"
            "max_inflight_messages 0\nmax_queued_messages 0\nset_tcp_nodelay true\n"
        )
        self.process = None

    def start(self):
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self.process = subprocess.Popen([program, "-c", self.settings], stderr=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


class Counter:
    """Counts the observations that arrive, each once."""

    def __init__(self, port):
        self.seen = set()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "counter")
        self.client.on_connect = lambda client, *_: client.subscribe("dust/v1/+/+/obs", 1)
        self.client.on_message = self.take
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def take(self, _client, _data, message):
        payload = json.loads(message.payload)
        for observation in payload.get("obs", [payload]):
            self.seen.add(observation["seq"])

    def wait(self, count, patience=180):
        until = time.monotonic() + patience
        while len(self.seen) < count:
            if time.monotonic() > until:
                raise SystemExit(f"only {len(self.seen)} of {count} observations came")
            time.sleep(0.005)

    def stop(self):
        self.client.loop_stop()
        self.client.disconnect()


def source(count, rate=None):
    """A program that prints so many observations, at a rate or as fast as they are taken."""
    code = (
        "import sys,time\n"
        f"count,rate={count},{rate}\n"
        "start=time.monotonic()\n"
        "for n in range(count):\n"
        " if rate and (wait:=start+n/rate-time.monotonic())>0: sys.stdout.flush(); time.sleep(wait)\n"
        ' print(f\'{{"time":{1565049600000+n*60000},"tsp":{100+n%900/10},"pm10":{80+n%700/10},"pm25":{30+n%500/10},'
        '"noise":{50+n%100/10},"temperature":{20+n%90/10},"humidity":{40+n%300/10},"pressure":99.8,"wind_speed":1.6,"wind_direction":{n%360}}}\')\n'
        "sys.stdout.flush()\n"
        "time.sleep(3600)\n"
    )
    return [sys.executable, "-u" if rate else "-E", "-c", code]


class Agent:
    """A process under measurement."""

    def __init__(self, arguments, **options):
        self.process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.started = time.monotonic()

    def cpu(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICK

    def memory(self):
        """Resident now, and at the most, in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        value = lambda key: int(status.split(key)[1].split()[0]) / 1024
        return value("VmRSS:"), value("VmHWM:")

    def written(self):
        return int(Path(f"/proc/{self.process.pid}/io").read_text().split("write_bytes:")[1].split()[0])

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def dustwatch(program, folder, port, command, batch=100, kind=None):
    source_text = kind or f'kind = "exec"\ncommand = {json.dumps(command)}\n'
    settings = folder / "edge.toml"
    settings.write_text(
        f'[agent]\ndistrict = "110109"\ndevice = "{DEVICE}"\nbroker = "mqtt://127.0.0.1:{port}"\n'
        f'confirm = "broker"\nbatch = {batch}\n\n[[source]]\n{source_text}'
    )
    return Agent([program, "run", "--config", settings])


def baseline(_program, folder, port, command, batch=100):
    return Agent([sys.executable, HERE / "agent_baseline.py", folder / "spool.db", str(port), str(batch), *command])


def catch_up(start, program, batch):
    """Fills a spool with a month, without a broker; then how long delivery takes, and what a gateway gives for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        agent = start(program, folder, broker.port, source(MONTH), batch)
        previous = -1
        # A baseline that looks for work all the time never comes to rest altogether.
        while (now := agent.cpu()) - previous > 0.1 or time.monotonic() - agent.started < 4:
            previous = now
            time.sleep(2)
        resident, _ = agent.memory()
        agent.stop()
        broker.start()
        counter = Counter(broker.port)
        begun = time.monotonic()
        agent = start(program, folder, broker.port, ["sleep", "3600"], batch)
        counter.wait(MONTH)
        took = time.monotonic() - begun
        cpu, (_, peak) = agent.cpu(), agent.memory()
        agent.stop(), counter.stop(), broker.stop()
        return took, cpu, resident, peak


def rate(start, program, count, per_second):
    """Durable and delivered: observations a second, CPU seconds a million readings, peak memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        broker.start()
        counter = Counter(broker.port)
        agent = start(program, folder, broker.port, source(count, per_second))
        begun = time.monotonic()
        counter.wait(count)
        took = time.monotonic() - begun
        cpu, (_, peak) = agent.cpu(), agent.memory()
        agent.stop(), counter.stop(), broker.stop()
        return count / took, cpu / (count * PARAMETERS) * 1e6, peak


def idle_month(start, program):
    """A month of backlog on disk, no broker, one observation a second: resident memory, CPU share, bytes to disk."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        agent = start(program, folder, broker.port, source(MONTH))
        time.sleep(8)
        agent.stop()
        agent = start(program, folder, broker.port, source(10_000, 1))
        time.sleep(5)
        cpu, written, begun = agent.cpu(), agent.written(), time.monotonic()
        time.sleep(60)
        took = time.monotonic() - begun
        share, per_observation = (agent.cpu() - cpu) / took, (agent.written() - written) / took
        resident, peak = agent.memory()
        agent.stop()
        return resident, peak, share * 100, per_observation


def segment_crc(segment):
    register = 0xFFFF
    for byte in segment.encode():
        register = (register >> 8) ^ byte
        for _ in range(8):
            register = register >> 1 ^ 0xA001 if register & 1 else register >> 1
    return f"{register:04X}"


def logger_number(number):
    return f"110109{number:018}"


async def logger(port, number, seconds, waits):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await asyncio.sleep(number / 1000)
    for second in range(seconds):
        begun = time.monotonic()
        at = time.strftime("%Y%m%d%H%M%S", time.gmtime(1565049600 + second))
        segment = f"QN={at}{number:03};ST=39;CN=2011;PW=123456;MN={logger_number(number)};Flag=5;CP=&&DataTime={at};" + ";".join(
            f"{code}-Rtd={100 + number % 90},{code}-Flag=N"
            for code in ("a34001", "a34002", "a34004", "a01001", "a01002", "a01006", "a01007", "a01008", "LA")
        ) + "&&"
        writer.write(f"##{len(segment):04}{segment}{segment_crc(segment)}\r\n".encode())
        answer = await reader.readuntil(b"\n")
        assert b"CN=9014" in answer, answer
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(max(0, 1 - (time.monotonic() - begun)))
    writer.close()


def gateway(program, loggers, seconds):
    """Loggers connected, one frame a second each: how long the answer takes, which comes after the spool's sync."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        broker = Broker(folder)
        broker.start()
        port = free_port()
        kind = f'kind = "hj212"\nlisten = "127.0.0.1:{port}"\nloggers = "loggers.toml"\n'
        devices = (f'{logger_number(number)} = {{ device = "110109-DY-{number:04}" }}' for number in range(loggers))
        (folder / "loggers.toml").write_text("\n".join(devices))
        agent = dustwatch(program, folder, broker.port, None, kind=kind)
        (folder / "edge.toml").write_text((folder / "edge.toml").read_text().replace("batch", "sync_interval_ms = 10\nbatch"))
        agent.stop()
        agent = Agent([program, "run", "--config", folder / "edge.toml"])
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.02)
        waits = []

        async def all_of_them():
            await asyncio.gather(*(logger(port, number, seconds, waits) for number in range(loggers)))

        cpu = agent.cpu()
        asyncio.run(all_of_them())
        cpu, (_, peak) = agent.cpu() - cpu, agent.memory()
        agent.stop(), broker.stop()
        cuts = statistics.quantiles(waits, n=100)
        return len(waits), cuts[49] * 1000, cuts[98] * 1000, peak, cpu


def main():
    # A connection for each logger, here and in the agent.
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    program = Path(sys.argv[1]).resolve()
    print(f"{program.name}: {program.stat().st_size / 1e6:.2f} MB\n")
    ours, theirs = ("`dustwatch-edge`", dustwatch), ("Python, SQLite spool", baseline)
    print("| a month of backlog, catching up | batch | s | CPU s | RSS with the backlog, MiB | peak while catching up, MiB |\n|---|---|---|---|---|---|")
    for (name, start), batch in ((ours, 1), (ours, 100), (theirs, 100)):
        took, cpu, resident, peak = catch_up(start, program, batch)
        print(f"| {name} | {batch} | {took:.2f} | {cpu:.2f} | {resident:.1f} | {peak:.1f} |", flush=True)
    print("\n| one observation a second, a month of backlog | RSS, MiB | peak, MiB | CPU, % of a core | bytes to disk / observation |\n|---|---|---|---|---|")
    for name, start in (ours, theirs):
        resident, peak, share, written = idle_month(start, program)
        print(f"| {name} | {resident:.1f} | {peak:.1f} | {share:.2f} | {written:.0f} |", flush=True)
    print("\n| durable and delivered | observations/s | CPU s / 10⁶ readings | peak, MiB |\n|---|---|---|---|")
    for label, count, per_second in (("as fast as it takes them", 200_000, None), ("200 a second", 6_000, 200)):
        for name, start in (ours, theirs):
            some = count if start is dustwatch or per_second else count // 10
            speed, cpu, peak = rate(start, program, some, per_second)
            print(f"| {name}, {label} | {speed:.0f} | {cpu:.1f} | {peak:.1f} |", flush=True)
    loggers, seconds = 1000, 20
    count, half, most, peak, cpu = gateway(program, loggers, seconds)
    print("\n| HJ 212 gateway, 1 frame/s a logger, sync 10 ms | frames | median, ms | p99, ms | peak, MiB | CPU, % of a core |\n|---|---|---|---|---|---|")
    print(f"| {loggers} loggers | {count} | {half:.1f} | {most:.1f} | {peak:.1f} | {cpu / seconds * 100:.0f} |")


if __name__ == "__main__":
    main()
