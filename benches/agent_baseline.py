"""The agent that one would write in an afternoon: lines of a program into SQLite, synced, and from there to the broker by paho.

Arguments: database, port, observations a message, then the program. Committed once a second, as the agent does by default.
"""

import json
import sqlite3
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt

WINDOW = 200  # messages under way


def main():
    path, port, batch, *command = sys.argv[1:]
    spool = sqlite3.connect(path, check_same_thread=False)
    spool.execute("PRAGMA journal_mode = WAL")
    spool.execute("PRAGMA synchronous = FULL")
    spool.execute("CREATE TABLE IF NOT EXISTS spool (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT)")
    spool.commit()
    lock = threading.Lock()
    durable = threading.Event()

    def keep():
        program = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        synced = time.monotonic()
        for line in program.stdout:
            with lock:
                spool.execute("INSERT INTO spool (body) VALUES (?)", (json.dumps(json.loads(line)),))
                if time.monotonic() - synced > 1:
                    spool.commit()
                    synced = time.monotonic()
                    durable.set()

    def sync():
        while True:
            time.sleep(1)
            with lock:
                spool.commit()
            durable.set()

    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "baseline")
    client.max_inflight_messages_set(WINDOW)
    under_way = {}
    room = threading.Semaphore(WINDOW)

    def confirmed(_client, _data, mid, *_):
        rows = under_way.pop(mid, None)
        if rows:
            with lock:
                spool.execute("DELETE FROM spool WHERE seq BETWEEN ? AND ?", rows)
        room.release()

    client.on_publish = confirmed
    client.connect_async("127.0.0.1", int(port))
    client.loop_start()
    for task in (keep, sync):
        threading.Thread(target=task, daemon=True).start()
    last = 0
    while True:
        with lock:
            rows = spool.execute("SELECT seq, body FROM spool WHERE seq > ? ORDER BY seq LIMIT ?", (last, int(batch))).fetchall()
        if not rows or not client.is_connected():
            durable.wait(0.05)
            durable.clear()
            continue
        last = rows[-1][0]
        observations = [json.loads(body) | {"seq": seq} for seq, body in rows]
        payload = json.dumps({"device": "110109-DY-0003", "epoch": "e", "obs": observations})
        room.acquire()
        sent = client.publish("dust/v1/110109/110109-DY-0003/obs", payload, qos=1)
        under_way[sent.mid] = (rows[0][0], last)


main()
