# SPDX-License-Identifier: GPL-2.0-or-later
"""nginx with TLS and WebDAV's PUT, DELETE and MKCOL; `files` is what it stores."""

import subprocess

from .server import HOST_VIEW, Server

CONF = """\
daemon off;
master_process off;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/temp;
    proxy_temp_path {folder}/temp-proxy;
    fastcgi_temp_path {folder}/temp-fastcgi;
    uwsgi_temp_path {folder}/temp-uwsgi;
    scgi_temp_path {folder}/temp-scgi;
    server {{
        listen {address}:{port} ssl;
        ssl_certificate {crt};
        ssl_certificate_key {key};
        ssl_protocols {protocols};
        root {folder}/files;
        client_max_body_size {max_body};
        location / {{
            dav_methods PUT DELETE MKCOL;
            {full_path}
            {login}
        }}
    }}
}}
"""


class Nginx(Server):
    def __init__(self, folder, certificate, address=HOST_VIEW, password=None, max_body="0",
                 make_directories=False, protocols="TLSv1.2 TLSv1.3"):
        """certificate: (crt, key). password: of the account "crash"; None: no login."""
        super().__init__(folder, address)
        self.certificate = certificate
        self.password = password
        self.max_body = max_body
        self.make_directories = make_directories
        self.protocols = protocols
        self.files = self.folder / "files"

    def url(self, path="", host=HOST_VIEW):
        return f"https://{host}:{self.port}/{path}"

    def prepare(self):
        self.files.mkdir(exist_ok=True)
        login = ""
        if self.password:
            digest = subprocess.run(["openssl", "passwd", "-6", self.password], check=True,
                                    stdout=subprocess.PIPE, text=True).stdout
            (self.folder / "users").write_text(f"crash:{digest}")
            login = f"auth_basic crash; auth_basic_user_file {self.folder}/users;"
        crt, key = self.certificate
        (self.folder / "nginx.conf").write_text(CONF.format(
            folder=self.folder, address=self.address, port=self.port, crt=crt, key=key,
            max_body=self.max_body, login=login, protocols=self.protocols,
            full_path="create_full_put_path on;" if self.make_directories else ""))

    def command(self):
        return ["/usr/sbin/nginx", "-p", self.folder, "-e", "stderr",
                "-c", self.folder / "nginx.conf"]
