# SPDX-License-Identifier: GPL-2.0-or-later
"""nfs-ganesha: exports `files` as /export to whoever reaches it, NFS 4 only."""

from .server import HOST_VIEW, Server

CONF = """\
NFS_CORE_PARAM {{
    Protocols = 4;
    NFS_Port = {port};
    Bind_addr = {address};
    Enable_NLM = false;
    Enable_RQUOTA = false;
    # A container may not be an I/O flusher.
    Allow_Set_Io_Flusher_Fail = true;
    Plugins_Dir = /usr/lib/x86_64-linux-gnu/ganesha;
}}
NFSV4 {{
    Graceless = true;
    RecoveryBackend = fs;
    RecoveryRoot = {folder}/recovery;
    Minor_Versions = {versions};
    Only_Numeric_Owners = true;
}}
EXPORT {{
    Export_Id = 1;
    Path = {files};
    Pseudo = /export;
    Access_Type = {access};
    Squash = {squash};
    SecType = sys;
    Protocols = 4;
    Transports = TCP;
    FSAL {{ Name = VFS; }}
}}
LOG {{ Default_Log_Level = EVENT; }}
"""


class Ganesha(Server):
    """squash: No_Root_Squash, Root_Squash; versions: minor ones; access: RW, RO."""

    def __init__(self, folder, address=HOST_VIEW, squash="No_Root_Squash", versions="1, 2",
                 access="RW"):
        super().__init__(folder, address)
        self.squash = squash
        self.versions = versions
        self.access = access
        self.files = self.folder / "files"

    def url(self, path="", host=HOST_VIEW):
        return f"nfs://{host}:{self.port}/export{path}"

    def prepare(self):
        self.files.mkdir(exist_ok=True)
        if self.squash == "Root_Squash":
            self.files.chmod(0o777)
        (self.folder / "recovery").mkdir(exist_ok=True)
        (self.folder / "ganesha.conf").write_text(CONF.format(
            port=self.port, address=self.address, folder=self.folder, files=self.files,
            squash=self.squash, versions=self.versions, access=self.access))

    def command(self):
        return ["/usr/bin/ganesha.nfsd", "-F", "-f", self.folder / "ganesha.conf",
                "-L", "/dev/stdout", "-p", self.folder / "pid"]
