package headrace.bench;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/**
 * Kafka Streams at its usual best: one thread, an in-memory store with caching (one changelog record a key and commit),
 * exactly_once_v2 with its default commit interval of 100 ms. Reads BROKER, TOPIC (of
 * one partition), EVENTS and an optional OUTPUT topic, which gets one record in 1,000.
 */
public final class Peer {

    private static final int SECONDS_MAX = 240;

    private Peer() {}

    public static void main(String[] arguments) throws Exception {
        CompletableFuture<String> result = new CompletableFuture<>();
        KafkaStreams streams = new KafkaStreams(topology(System.getenv(), result), settings(System.getenv()));
        streams.setUncaughtExceptionHandler(error -> {
            result.completeExceptionally(error);
            return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
        });
        streams.start();
        try {
            System.out.println(result.get(SECONDS_MAX, TimeUnit.SECONDS));
        } finally {
            streams.close();
            streams.cleanUp();
        }
    }

    private static Topology topology(Map<String, String> environment, CompletableFuture<String> result) {
        long events = Long.parseLong(environment.get("EVENTS"));
        String output = environment.get("OUTPUT");
        Topology topology = new Topology();
        topology.addSource("quotes", Serdes.String().deserializer(), Serdes.ByteArray().deserializer(), environment.get("TOPIC"));
        topology.addProcessor("fold", () -> new Fold(events, output != null, result), "quotes");
        topology.addStateStore(
                Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore(Fold.STORE), Serdes.String(), Totals.SERDE)
                        .withCachingEnabled(),
                "fold");
        if (output != null) {
            topology.addSink("output", output, Serdes.String().serializer(), Serdes.ByteArray().serializer(), "fold");
        }
        return topology;
    }

    private static Properties settings(Map<String, String> environment) throws Exception {
        Properties settings = new Properties();
        settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-kafka-streams-" + UUID.randomUUID());
        settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, environment.get("BROKER"));
        settings.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
        settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
        Path scratch = Path.of(environment.getOrDefault("TMPDIR", System.getProperty("java.io.tmpdir")));
        settings.put(StreamsConfig.STATE_DIR_CONFIG, Files.createTempDirectory(scratch, "kafka-streams").toString());
        settings.put("auto.offset.reset", "earliest");
        return settings;
    }
}
