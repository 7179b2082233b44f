"""Minimal schemas of the custom resources: the fields that we use, as their operators document them, and no others.

A misspelt field is refused here as the operator's own definition would refuse it.
"""

from typing import Any

Schema = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
COUNT: Schema = {"type": "integer", "minimum": 0}
SOME: Schema = {"type": "integer", "minimum": 1}
YES_NO: Schema = {"type": "boolean"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
NAME = {"type": "string", "pattern": r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$"}
QUANTITY = {"type": ["string"], "pattern": r"^[0-9.]+(m|[KMGT]i)?$"}
DURATION = {"type": "string", "pattern": r"^([0-9]+(ms|s|m|h))+$"}


def one_of(*values: str) -> Schema:
    return {"enum": list(values)}


def list_of(item: Schema, least: int = 1) -> Schema:
    return {"type": "array", "items": item, "minItems": least}


def fields(must: Schema, may: Schema | None = None) -> Schema:
    """An object with these fields: all of `must`, some of `may`, no other."""
    return {
        "type": "object",
        "properties": must | (may or {}),
        "required": list(must),
        "additionalProperties": False,
    }


RESOURCES = fields(
    {
        "requests": fields({"cpu": QUANTITY, "memory": QUANTITY}),
        "limits": fields({"memory": QUANTITY}),
    }
)
REFERENCE = fields({"name": NAME, "key": TEXT})
SELECTOR: Schema = {
    "type": "object",
    "properties": {"matchLabels": TEXTS, "matchExpressions": list_of({"type": "object"})},
    "additionalProperties": False,
    "minProperties": 1,
}
ENDPOINT = fields({"port": TEXT, "path": TEXT, "interval": DURATION, "scrapeTimeout": DURATION})
POD = {"type": "object"}
"""Of Kubernetes' own shape; the restricted standard is asked of what operators make by their own settings."""

KAFKA = fields(
    {
        "kafka": fields(
            {
                "version": {"const": "4.1.0"},
                "metadataVersion": {"const": "4.1-IV1"},
                "listeners": list_of(
                    fields(
                        {
                            "name": {"type": "string", "pattern": "^[a-z0-9]{1,11}$"},
                            "port": {"type": "integer", "minimum": 9092},
                            "type": one_of("internal"),
                            "tls": {"const": True},
                            "authentication": fields({"type": one_of("scram-sha-512")}),
                        }
                    )
                ),
                "authorization": fields({"type": one_of("simple")}),
                "config": {"type": "object"},
                "metricsConfig": fields(
                    {
                        "type": one_of("jmxPrometheusExporter"),
                        "valueFrom": fields({"configMapKeyRef": REFERENCE}),
                    }
                ),
            }
        ),
        "entityOperator": fields(
            {
                "topicOperator": fields({"resources": RESOURCES}),
                "userOperator": fields({"resources": RESOURCES}),
                "template": fields({"pod": POD}),
            }
        ),
    }
)
POOL = fields(
    {
        "replicas": SOME,
        "roles": list_of(one_of("controller", "broker")),
        "storage": fields(
            {
                "type": one_of("jbod"),
                "volumes": list_of(
                    fields(
                        {
                            "id": COUNT,
                            "type": one_of("persistent-claim"),
                            "size": QUANTITY,
                            "deleteClaim": {"const": False},
                            "kraftMetadata": one_of("shared"),
                        }
                    )
                ),
            }
        ),
        "resources": RESOURCES,
        "template": fields({"pod": POD, "kafkaContainer": POD}),
    }
)
TOPIC = fields(
    {"partitions": SOME, "replicas": SOME, "config": TEXTS},
    {"topicName": {"type": "string", "pattern": r"^[a-z.\-]{1,249}$"}},
)
USER = fields(
    {
        "authentication": fields(
            {
                "type": one_of("scram-sha-512"),
                "password": fields({"valueFrom": fields({"secretKeyRef": REFERENCE})}),
            }
        ),
        "authorization": fields(
            {
                "type": one_of("simple"),
                "acls": list_of(
                    fields(
                        {
                            "resource": fields(
                                {
                                    "type": one_of("topic", "group", "transactionalId"),
                                    "name": TEXT,
                                    "patternType": one_of("literal", "prefix"),
                                }
                            ),
                            "operations": list_of(
                                one_of("Read", "Write", "Describe", "DescribeConfigs")
                            ),
                            "host": TEXT,
                        }
                    )
                ),
            }
        ),
        "quotas": fields({"producerByteRate": SOME, "consumerByteRate": SOME}),
    }
)
SCALED = fields(
    {
        "scaleTargetRef": fields({"apiVersion": TEXT, "kind": TEXT, "name": NAME}),
        "minReplicaCount": SOME,
        "maxReplicaCount": SOME,
        "pollingInterval": SOME,
        "fallback": fields({"failureThreshold": SOME, "replicas": SOME}),
        "advanced": fields(
            {"horizontalPodAutoscalerConfig": fields({"behavior": {"type": "object"}})}
        ),
        "triggers": list_of(
            fields(
                {
                    "type": one_of("kafka"),
                    "metadata": fields(
                        {
                            "bootstrapServers": TEXT,
                            "consumerGroup": TEXT,
                            "topic": TEXT,
                            "lagThreshold": {"type": "string", "pattern": "^[0-9]+$"},
                            "offsetResetPolicy": one_of("earliest", "latest"),
                            "ensureEvenDistributionOfPartitions": one_of("true", "false"),
                        }
                    ),
                    "authenticationRef": fields({"name": NAME}),
                }
            )
        ),
    }
)
TRIGGER_AUTHENTICATION = fields(
    {
        "secretTargetRef": list_of(
            fields(
                {
                    "parameter": one_of("sasl", "tls", "username", "password", "ca"),
                    "name": NAME,
                    "key": TEXT,
                }
            )
        )
    }
)
CLUSTER = fields(
    {
        "instances": SOME,
        "imageName": {"type": "string", "pattern": "@sha256:[0-9a-f]{64}$"},
        "primaryUpdateStrategy": one_of("unsupervised", "supervised"),
        "enableSuperuserAccess": {"const": False},
        "enablePDB": YES_NO,
        "inheritedMetadata": fields({"labels": TEXTS}),
        "bootstrap": fields(
            {
                "initdb": fields(
                    {
                        "database": NAME,
                        "owner": NAME,
                        "secret": fields({"name": NAME}),
                        "dataChecksums": {"const": True},
                        "postInitTemplateSQL": list_of(TEXT),
                    }
                )
            }
        ),
        "managed": fields(
            {
                "roles": list_of(
                    fields(
                        {
                            "name": NAME,
                            "ensure": one_of("present", "absent"),
                            "login": YES_NO,
                            "connectionLimit": SOME,
                        },
                        {"passwordSecret": fields({"name": NAME})},
                    )
                )
            }
        ),
        "postgresql": fields(
            {
                "shared_preload_libraries": list_of(TEXT),
                "pg_hba": list_of(TEXT),
                "parameters": TEXTS,
            },
            {
                "synchronous": fields(
                    {
                        "method": one_of("any", "first"),
                        "number": SOME,
                        "dataDurability": one_of("required", "preferred"),
                    }
                )
            },
        ),
        "plugins": list_of(
            fields(
                {
                    "name": TEXT,
                    "isWALArchiver": YES_NO,
                    "parameters": fields({"barmanObjectName": NAME}),
                }
            )
        ),
        "storage": fields({"size": QUANTITY}),
        "walStorage": fields({"size": QUANTITY}),
        "affinity": fields(
            {
                "enablePodAntiAffinity": YES_NO,
                "topologyKey": TEXT,
                "podAntiAffinityType": one_of("required", "preferred"),
            }
        ),
        "resources": RESOURCES,
        "seccompProfile": fields({"type": one_of("RuntimeDefault")}),
        "monitoring": fields({"enablePodMonitor": YES_NO}),
    }
)
PACKED = fields({"compression": one_of("gzip"), "encryption": one_of("AES256", "aws:kms")})
OBJECT_STORE = fields(
    {
        "retentionPolicy": {"type": "string", "pattern": "^[1-9][0-9]*[dwm]$"},
        "configuration": fields(
            {
                "destinationPath": {"type": "string", "pattern": "^s3://"},
                "endpointURL": {"type": "string", "pattern": "^https://"},
                "endpointCA": REFERENCE,
                "s3Credentials": fields({"accessKeyId": REFERENCE, "secretAccessKey": REFERENCE}),
                "wal": PACKED,
                "data": PACKED,
            }
        ),
    }
)
SCHEDULED_BACKUP = fields(
    {
        "schedule": {"type": "string", "pattern": r"^(\S+ ){5}\S+$"},
        "backupOwnerReference": one_of("none", "self", "cluster"),
        "method": one_of("plugin"),
        "pluginConfiguration": fields({"name": TEXT}),
        "cluster": fields({"name": NAME}),
    }
)
EXTERNAL_SECRET = fields(
    {
        "refreshInterval": {"const": "1h"},
        "secretStoreRef": fields({"kind": one_of("SecretStore"), "name": NAME}),
        "target": fields(
            {
                "name": NAME,
                "creationPolicy": one_of("Owner"),
                "deletionPolicy": one_of("Retain"),
            },
            {"template": fields({"engineVersion": one_of("v2")}, {"type": TEXT, "data": TEXTS})},
        ),
        "data": list_of(
            fields({"secretKey": TEXT, "remoteRef": fields({"key": TEXT, "property": TEXT})})
        ),
    }
)
SECRET_STORE = fields(
    {
        "refreshInterval": SOME,
        "provider": fields(
            {
                "vault": fields(
                    {
                        "server": {"type": "string", "pattern": "^https://"},
                        "path": TEXT,
                        "version": one_of("v2"),
                        "caProvider": fields(
                            {"type": one_of("ConfigMap", "Secret"), "name": NAME, "key": TEXT}
                        ),
                        "auth": fields(
                            {
                                "kubernetes": fields(
                                    {
                                        "mountPath": TEXT,
                                        "role": TEXT,
                                        "serviceAccountRef": fields({"name": NAME}),
                                    }
                                )
                            }
                        ),
                    }
                )
            }
        ),
    }
)
POD_MONITOR = fields(
    {"selector": SELECTOR, "jobLabel": TEXT, "podMetricsEndpoints": list_of(ENDPOINT)}
)
SERVICE_MONITOR = fields({"selector": SELECTOR, "jobLabel": TEXT, "endpoints": list_of(ENDPOINT)})
ALERT = fields(
    {"alert": TEXT, "expr": TEXT, "for": DURATION, "labels": TEXTS, "annotations": TEXTS},
    {"keep_firing_for": DURATION},
)
RECORD = fields({"record": TEXT, "expr": TEXT}, {"labels": TEXTS})
PROMETHEUS_RULE = fields(
    {
        "groups": list_of(
            fields(
                {"name": TEXT, "rules": list_of({"anyOf": [ALERT, RECORD]})}, {"interval": DURATION}
            )
        )
    }
)
MATCHERS = list_of(fields({"name": TEXT, "value": TEXT}))
ROUTE = fields(
    {"receiver": TEXT},
    {
        "matchers": MATCHERS,
        "groupBy": list_of(TEXT),
        "groupWait": DURATION,
        "groupInterval": DURATION,
        "repeatInterval": DURATION,
        "routes": list_of({"type": "object"}),
    },
)
ALERTMANAGER_CONFIG = fields(
    {
        "route": ROUTE,
        "inhibitRules": list_of(
            fields({"sourceMatch": MATCHERS, "targetMatch": MATCHERS, "equal": list_of(TEXT)})
        ),
        "receivers": list_of(fields({"name": TEXT})),
    }
)

SCHEMAS: dict[tuple[str, str], Schema] = {
    ("kafka.strimzi.io/v1", "Kafka"): KAFKA,
    ("kafka.strimzi.io/v1", "KafkaNodePool"): POOL,
    ("kafka.strimzi.io/v1", "KafkaTopic"): TOPIC,
    ("kafka.strimzi.io/v1", "KafkaUser"): USER,
    ("keda.sh/v1alpha1", "ScaledObject"): SCALED,
    ("keda.sh/v1alpha1", "TriggerAuthentication"): TRIGGER_AUTHENTICATION,
    ("postgresql.cnpg.io/v1", "Cluster"): CLUSTER,
    ("postgresql.cnpg.io/v1", "ScheduledBackup"): SCHEDULED_BACKUP,
    ("barmancloud.cnpg.io/v1", "ObjectStore"): OBJECT_STORE,
    ("external-secrets.io/v1", "ExternalSecret"): EXTERNAL_SECRET,
    ("external-secrets.io/v1", "SecretStore"): SECRET_STORE,
    ("monitoring.coreos.com/v1", "PodMonitor"): POD_MONITOR,
    ("monitoring.coreos.com/v1", "ServiceMonitor"): SERVICE_MONITOR,
    ("monitoring.coreos.com/v1", "PrometheusRule"): PROMETHEUS_RULE,
    ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"): ALERTMANAGER_CONFIG,
}
"""apiVersion and kind -> schema of the spec."""
