"""The configuration: one class per section, and the loader that checks it.

Here belong names, types, defaults and checks of settings. Only ``main`` functions load settings;
other code receives the values it needs.
"""
