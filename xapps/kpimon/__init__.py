"""The KPI monitor: subscribes E2SM-KPM wherever it is offered and shows every value to Prometheus and to SDL."""
