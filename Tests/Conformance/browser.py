"""The browser's own client, socket.io.min.js, in headless Chromium: usage browser.py PORT SCRIPT [BROWSER].

The page comes from another origin than the server, so CORS is on the way too.
"""

import http.server
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading

PORT, SCRIPT = sys.argv[1], pathlib.Path(sys.argv[2])
BROWSER = sys.argv[3] if len(sys.argv) > 3 else "chromium"
FILES = {
    "/": (pathlib.Path(__file__).with_name("page.html"), "text/html; charset=utf-8"),
    "/socket.io.min.js": (SCRIPT, "text/javascript; charset=utf-8"),
}
reports = queue.Queue()


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        file, kind = FILES.get(self.path.split("?")[0], (None, None))
        if file is None:
            return self.send_error(404)
        body = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        reports.put(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


pages = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
threading.Thread(target=pages.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = subprocess.Popen(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={profile}", f"http://localhost:{pages.server_port}/?port={PORT}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        report = reports.get(timeout=60)
    except queue.Empty:
        report = "FAILED: the page did not report"
    finally:
        browser.terminate()
        browser.wait()
print(report)
sys.exit("FAILED" in report)
