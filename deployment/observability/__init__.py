"""Dashboards, recording rules and alerts as code: written into the charts, checked against what the code exports."""
