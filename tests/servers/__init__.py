# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers, and a hostile one, that tests send dumps to.

One file per server. Each is started with a folder of its own for its files and logs, listens on a
free port of 127.0.0.1, or of 0.0.0.0, where guests reach it as 10.0.2.2, and is a context manager.
"""
