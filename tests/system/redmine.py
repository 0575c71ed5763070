"""Debian's Redmine (packages redmine, redmine-sqlite), in a folder of its own, and what it says."""

import json
import os
import re
import secrets
import subprocess
import urllib.request

from lab import wait_for

PORT = 8099
# Everything that an administrator would click together once.
SETUP = """
ActiveRecord::Tasks::DatabaseTasks.migrate
ActiveRecord::Base.descendants.each(&:reset_column_information)
Redmine::DefaultData::Loader.load('en')
Setting.rest_api_enabled = '1'
Setting.text_formatting = ENV['TEXT_FORMATTING']
def person(login)
  user = User.new(firstname: login, lastname: 'Test', mail: login + '@example.com')
  user.login = login
  user.password = user.password_confirmation = SecureRandom.hex
  user.save!
  user
end
postern, dora = person('postern'), person('dora')
manager = Role.find_by!(name: 'Manager')
keys = {'key' => postern.api_key, 'dora' => dora.id}
%w[exposure data-platform].each do |name|
  project = Project.create!(name: name, identifier: name, is_public: false)
  project.trackers = Tracker.all
  project.enabled_module_names = ['issue_tracking']
  IssueCategory.create!(project: project, name: 'caches')
  [postern, dora].each { |user| Member.create!(user: user, project: project, roles: [manager]) }
end
File.write(ENV['SETUP_RESULT'], keys.to_json)
"""
HOME = "/usr/share/redmine"


class Redmine:
    """Set up from nothing and running. Tickets are told as its own API tells them."""

    url = f"http://127.0.0.1:{PORT}"

    def __init__(self, lab, text_formatting="textile"):
        folder = lab.folder / "redmine"
        for name in ("config", "tmp", "log", "files"):
            (folder / name).mkdir(parents=True)
        (folder / "config/database.yml").write_text(
            f"production: {{adapter: sqlite3, database: '{folder}/redmine.sqlite3', timeout: 5000}}\n"
        )
        (folder / "config/secret_key.txt").write_text(secrets.token_hex(32))
        # Debian's Redmine serves an instance from any folder, named as seen from where they are.
        # That is a symbolic link to a folder less deep: this path leads right through either.
        self.env = {
            "REDMINE_INSTANCE": os.path.relpath(folder, f"{HOME}/instances"),
            "RAILS_ENV": "production",
            "SCHEMA": "/dev/null",
            "LANG": "C.UTF-8",
            "SETUP_RESULT": f"{folder}/setup.json",
            "TEXT_FORMATTING": text_formatting,
            "BUNDLE_GEMFILE": f"{HOME}/Gemfile",
            # No gem of Redmine's own list, hence not on its path.
            "RUBYLIB": subprocess.run(
                ["ruby", "-e", "puts Gem::Specification.find_by_name('webrick').full_require_paths"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip(),
        }
        self.lab, self.folder = lab, folder
        self.set_up()
        self.start()

    def set_up(self):
        (self.folder / "setup.rb").write_text(SETUP)
        setup = self.lab.start(
            *("env", "-C", HOME, "bundle", "exec", "rails", "runner", self.folder / "setup.rb"),
            log=self.folder / "setup.log",
            env=self.env,
        )
        assert setup.wait(300) == 0, setup.log_text()
        facts = json.loads((self.folder / "setup.json").read_text())
        self.key, self.dora = facts["key"], facts["dora"]

    def start(self):
        server = self.lab.start(
            *("env", "-C", HOME, "bundle", "exec", "rackup", "--server", "webrick"),
            *("--env", "production", "--host", "127.0.0.1", "--port", PORT, "config.ru"),
            log=self.folder / "server.log",
            env=self.env,
        )
        wait_for("Redmine answers", lambda: server.must_run() and self.answers(), timeout=120)

    def answers(self):
        try:
            return self.get("/issues.json?limit=1") is not None
        except OSError:
            return None

    def call(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"X-Redmine-API-Key": self.key, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=60) as reply:
            return reply.read().decode()

    def get(self, path):
        return json.loads(self.call("GET", path))

    def issues(self):
        return self.get("/issues.json?status_id=*&sort=id&limit=100")["issues"]

    def is_open(self, number):
        return not self.get(f"/issues/{number}.json")["issue"]["status"]["is_closed"]

    def comments(self, number):
        journals = self.get(f"/issues/{number}.json?include=journals")["issue"]["journals"]
        return [journal["notes"] for journal in journals if journal["notes"]]

    def set_status(self, number, status):
        self.call("PUT", f"/issues/{number}.json", {"issue": {"status_id": status}})

    def page(self, number):
        """The HTML that people see, without the form in which they would edit it."""
        page = self.call("GET", f"/issues/{number}?key={self.key}")
        return re.sub(r"<textarea.*?</textarea>", "", page, flags=re.DOTALL)
