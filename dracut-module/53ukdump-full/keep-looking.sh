#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Hook initqueue/timeout of dracut (059 to 106), sourced by its queue as the last one: begins the
# count anew. Without it the queue ends at rd.retry= in an emergency action, which here is a reboot
# before the capture program has gone on to its next target. Its own limits end the wait.

# shellcheck disable=SC2034 # the queue's own
main_loop=0
