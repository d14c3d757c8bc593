"""docs/examples/poc.html in headless Chromium: usage poc_browser.py PORT SCRIPT BROWSER.

The page is served as it is, from an origin that the server lets in by default, with a few lines behind it that do what a
user would do and report what a user would see.
"""

import http.server
import json
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading

PORT, SCRIPT, BROWSER = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
PAGE = pathlib.Path(__file__).parents[2] / "docs/examples/poc.html"
USER = """
<script>
const report = text => fetch("/report", { method: "POST", body: JSON.stringify(text) })
const lines = () => [...document.querySelectorAll("#log p")].map(p => [p.className, p.textContent])
new MutationObserver(() => {
  const all = lines()
  if (all.some(([kind]) => kind === "error")) return report(all)
  const replies = all.filter(([kind]) => kind === "reply").length
  const said = all.filter(([kind]) => kind === "mine").length
  const texts = ["What is my account balance?", "transfer $20 from checking to savings", "hello"]
  if (!document.getElementById("text").disabled && said === replies) {
    if (said === texts.length) return report(all)
    document.getElementById("text").value = texts[said]
    document.getElementById("say").requestSubmit()
  }
}).observe(document.getElementById("log"), { childList: true })
document.getElementById("server").value = "http://localhost:PORT"
document.getElementById("password").value = "test123"
document.getElementById("login").requestSubmit()
</script>
""".replace("PORT", PORT)
reports = queue.Queue()


class Pages(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/socket.io.min.js":
            body, kind = SCRIPT.read_bytes(), "text/javascript; charset=utf-8"
        else:
            body, kind = PAGE.read_bytes() + USER.encode(), "text/html; charset=utf-8"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        reports.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_):
        pass


pages = None
for port in (8080, 8081, 3000, 3001):
    try:
        pages = http.server.ThreadingHTTPServer(("127.0.0.1", port), Pages)
        break
    except OSError:
        continue
if pages is None:
    sys.exit("FAILED: none of the ports that the server lets in is free")
threading.Thread(target=pages.serve_forever, daemon=True).start()
with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    browser = subprocess.Popen(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
         f"--user-data-dir={profile}", f"http://localhost:{pages.server_port}/"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        lines = reports.get(timeout=60)
    except queue.Empty:
        lines = [["error", "the page did not report"]]
    finally:
        browser.terminate()
        browser.wait()
for kind, text in lines:
    print(f"{kind:6} {text}")
replies = [text for kind, text in lines if kind == "reply"]
if any(kind == "error" for kind, _ in lines) or len(replies) != 3 or "balance is $" not in replies[0]:
    sys.exit("FAILED: the example page")
