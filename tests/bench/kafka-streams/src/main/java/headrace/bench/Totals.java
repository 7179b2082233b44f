package headrace.bench;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serdes;

/** The state of a key: the last mid, how many quotes, the sum of their sizes; 24 bytes in the store. */
record Totals(double mid, long count, long sizes) {

    static final Totals NONE = new Totals(0, 0, 0);
    static final Serde<Totals> SERDE =
            Serdes.serdeFrom((topic, totals) -> totals == null ? null : totals.bytes(), (topic, bytes) -> of(bytes));

    Totals plus(Quote quote) {
        return new Totals((quote.bid() + quote.ask()) / 2.0, count + 1, sizes + quote.bidSize() + quote.askSize());
    }

    private byte[] bytes() {
        return ByteBuffer.allocate(24).putDouble(mid).putLong(count).putLong(sizes).array();
    }

    private static Totals of(byte[] bytes) {
        if (bytes == null) {
            return null;
        }
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        return new Totals(buffer.getDouble(), buffer.getLong(), buffer.getLong());
    }
}
