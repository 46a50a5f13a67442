"""What the suite is shipped as: charts, their values, schemas and READMEs, dashboards, rules. All of it generated."""
