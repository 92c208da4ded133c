import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.AcknowledgeType;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.KafkaShareConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;

/** A share consumer rejects one record and never finishes another: both are found in the group's dead-letter queue (KIP-1191). */
public class DeadLetters {
  static final String TOPIC = "jobs", QUEUE = "dlq.jobs", GROUP = "workers";

  static Properties settings(String bootstrap) {
    var settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    return settings;
  }

  public static void main(String[] arguments) throws Exception {
    var settings = settings(arguments[0]);
    long end = System.currentTimeMillis() + 120_000;
    try (var admin = Admin.create(settings)) {
      var queue = new NewTopic(QUEUE, 1, (short) 1).configs(Map.of("errors.deadletterqueue.group.enable", "true"));
      admin.createTopics(List.of(new NewTopic(TOPIC, 1, (short) 1), queue)).all().get();
      Collection<AlterConfigOp> configs = new ArrayList<>();
      Map.of("share.auto.offset.reset", "earliest", "share.delivery.count.limit", "2", "errors.deadletterqueue.topic.name", QUEUE,
              "errors.deadletterqueue.copy.record.enable", "true")
          .forEach((name, value) -> configs.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
      admin.incrementalAlterConfigs(Map.of(new ConfigResource(ConfigResource.Type.GROUP, GROUP), configs)).all().get();
    }
    try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
      for (int i = 0; i < 6; i++) producer.send(new ProducerRecord<>(TOPIC, "key " + i, "job " + i));
    }
    var accepted = new TreeMap<Long, String>();
    settings.put("group.id", GROUP);
    settings.put("share.acknowledgement.mode", "explicit");
    int released = 0;
    try (var consumer = new KafkaShareConsumer<>(settings, new StringDeserializer(), new StringDeserializer())) {
      consumer.subscribe(List.of(TOPIC));
      while (accepted.size() < 4 || released < 2) {
        if (System.currentTimeMillis() > end) throw new IllegalStateException("accepted " + accepted + ", released " + released + " times");
        for (var record : consumer.poll(Duration.ofMillis(200))) {
          if (record.offset() == 1) consumer.acknowledge(record, AcknowledgeType.REJECT);
          else if (record.offset() == 3) {
            released++;
            consumer.acknowledge(record, AcknowledgeType.RELEASE);
          } else {
            accepted.put(record.offset(), record.value());
            consumer.acknowledge(record, AcknowledgeType.ACCEPT);
          }
        }
        consumer.commitSync();
      }
    }
    var found = new TreeMap<String, String>();
    var reading = settings(arguments[0]);
    reading.put("auto.offset.reset", "earliest");
    try (var reader = new KafkaConsumer<>(reading, new StringDeserializer(), new StringDeserializer())) {
      var partition = new TopicPartition(QUEUE, 0);
      reader.assign(List.of(partition));
      reader.seekToBeginning(List.of(partition));
      while (found.size() < 2) {
        if (System.currentTimeMillis() > end) throw new IllegalStateException("found " + found);
        for (var record : reader.poll(Duration.ofMillis(200))) {
          var headers = new TreeMap<String, String>();
          record.headers().forEach(header -> headers.put(header.key(), new String(header.value(), StandardCharsets.UTF_8)));
          found.put(headers.get("__dlq.errors.offset"), record.key() + " | " + record.value() + " | " + headers);
        }
      }
    }
    expect(found.get("1"), "key 1 | job 1 | " + headers(1, 1, "Offset rejected by client."));
    expect(found.get("3"), "key 3 | job 3 | " + headers(3, 2, "Offset delivery count exceeded the threshold."));
    System.out.println("ok dead-letters: 4 records accepted, 2 in the dead-letter queue");
    System.exit(0);
  }

  static String headers(int offset, int count, String message) {
    return new TreeMap<>(Map.of("__dlq.errors.topic", TOPIC, "__dlq.errors.partition", "0", "__dlq.errors.offset", "" + offset,
        "__dlq.errors.group", GROUP, "__dlq.errors.delivery.count", "" + count, "__dlq.errors.message", message)).toString();
  }

  static void expect(String actual, String wanted) {
    if (!wanted.equals(actual)) throw new IllegalStateException("wanted " + wanted + ", got " + actual);
  }
}
