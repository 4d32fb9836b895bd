"""Private RabbitMQ nodes of the current user, alone or as a cluster, with their own port mapper.

The wrapper scripts of Debian and Fedora require a user and folders of their own. So ``node`` calls
the server's script, and ``configuration`` sets all names, folders, ports and the cookie. A node
does not affect another broker that may run on this machine.
"""
