package headrace.bench;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;

/** The engine's quote. Every field is decoded, by Jackson's streaming parser: its fastest way in. */
record Quote(
        String symbol, long bid, long ask, long bidSize, long askSize,
        long time, long received, long sequence, String source, String flags) {

    private static final JsonFactory JSON = new JsonFactory();

    static Quote parse(byte[] value) {
        try (JsonParser parser = JSON.createParser(value)) {
            return read(parser);
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Quote read(JsonParser parser) throws IOException {
        String symbol = "", source = "", flags = "";
        long bid = 0, ask = 0, bidSize = 0, askSize = 0, time = 0, received = 0, sequence = 0;
        parser.nextToken();
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String field = parser.currentName();
            parser.nextToken();
            switch (field) {
                case "symbol" -> symbol = parser.getText();
                case "bid" -> bid = parser.getLongValue();
                case "ask" -> ask = parser.getLongValue();
                case "bid_size" -> bidSize = parser.getLongValue();
                case "ask_size" -> askSize = parser.getLongValue();
                case "time" -> time = parser.getLongValue();
                case "received" -> received = parser.getLongValue();
                case "sequence" -> sequence = parser.getLongValue();
                case "source" -> source = parser.getText();
                case "flags" -> flags = parser.getText();
                default -> parser.skipChildren();
            }
        }
        return new Quote(symbol, bid, ask, bidSize, askSize, time, received, sequence, source, flags);
    }
}
