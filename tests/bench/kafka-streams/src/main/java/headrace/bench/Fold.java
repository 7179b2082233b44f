package headrace.bench;

import java.util.Locale;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/** Folds quotes into the store, sends one output in OUTPUT_EVERY, and completes with the result after the last quote. */
final class Fold implements Processor<String, byte[], String, byte[]> {

    static final String STORE = "totals";
    private static final int OUTPUT_EVERY = 1_000;

    private final long events;
    private final boolean outputs;
    private final CompletableFuture<String> result;
    private ProcessorContext<String, byte[]> context;
    private KeyValueStore<String, Totals> store;
    private long seen;
    private long started;

    Fold(long events, boolean outputs, CompletableFuture<String> result) {
        this.events = events;
        this.outputs = outputs;
        this.result = result;
    }

    @Override
    public void init(ProcessorContext<String, byte[]> given) {
        context = given;
        store = given.getStateStore(STORE);
    }

    @Override
    public void process(Record<String, byte[]> record) {
        if (seen == 0) {
            started = System.nanoTime();
        }
        Quote quote = Quote.parse(record.value());
        Totals totals = store.get(quote.symbol());
        store.put(quote.symbol(), (totals == null ? Totals.NONE : totals).plus(quote));
        seen++;
        if (outputs && seen % OUTPUT_EVERY == 0) {
            context.forward(record);
        }
        if (seen == events) {
            result.complete(line((System.nanoTime() - started) / 1e9));
        }
    }

    private String line(double seconds) {
        double mids = 0;
        long keys = 0, count = 0, sizes = 0;
        try (KeyValueIterator<String, Totals> all = store.all()) {
            while (all.hasNext()) {
                Totals totals = all.next().value;
                keys++;
                mids += totals.mid();
                count += totals.count();
                sizes += totals.sizes();
            }
        }
        return String.format(
                Locale.ROOT,
                "{\"events\":%d,\"seconds\":%.6f,\"state\":{\"keys\":%d,\"mids\":%.1f,\"count\":%d,\"sizes\":%d}}",
                seen, seconds, keys, mids, count, sizes);
    }
}
