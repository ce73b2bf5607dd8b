import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsParameters;
import com.sun.net.httpserver.HttpsServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.cert.CertStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXBuilderParameters;
import java.security.cert.X509CertSelector;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.Executors;
import javax.net.ssl.CertPathTrustManagerParameters;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;

/**
 * A server of the JDK.
 *
 * <pre>Server socket|engine CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID</pre>
 *
 * Prints where it listens, and ends when its standard input does.
 */
public final class Server {
    private static final byte[] ANSWER =
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n"
                    .getBytes(StandardCharsets.US_ASCII);

    private final String version;
    private final String role;
    private final SSLContext context;

    private Server(String[] arguments) throws Exception {
        version = "TLSv" + arguments[5];
        role = arguments[6];
        context = SSLContext.getInstance("TLS");
        KeyStore own = KeyStore.getInstance("PKCS12");
        own.load(null, null);
        own.setKeyEntry("own", key(arguments[2]), new char[0],
                certificates(arguments[1]).toArray(new Certificate[0]));
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(own, new char[0]);
        KeyStore roots = KeyStore.getInstance("PKCS12");
        roots.load(null, null);
        for (Certificate root : certificates(arguments[3])) {
            roots.setCertificateEntry("root" + roots.size(), root);
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        if (role.equals("crl")) {
            PKIXBuilderParameters checks = new PKIXBuilderParameters(roots, new X509CertSelector());
            try (InputStream lists = Files.newInputStream(Path.of(arguments[4]))) {
                checks.addCertStore(CertStore.getInstance("Collection",
                        new CollectionCertStoreParameters(
                                CertificateFactory.getInstance("X.509").generateCRLs(lists))));
            }
            checks.setRevocationEnabled(true);
            trust.init(new CertPathTrustManagerParameters(checks));
        } else {
            trust.init(roots);
        }
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 8) {
            throw new IllegalArgumentException(
                    "usage: Server socket|engine CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID");
        }
        Server server = new Server(arguments);
        thread(() -> {
            while (System.in.read() >= 0) {
                // Nothing is said there.
            }
            Runtime.getRuntime().halt(0);
        });
        if (arguments[0].equals("engine")) {
            server.serveEngine();
        } else {
            server.serveSockets();
        }
    }

    private void serveSockets() throws Exception {
        ServerSocket listener;
        if (role.equals("plaintext")) {
            listener = new ServerSocket(0, 1024, InetAddress.getLoopbackAddress());
        } else {
            listener = context.getServerSocketFactory()
                    .createServerSocket(0, 1024, InetAddress.getLoopbackAddress());
            ((SSLServerSocket) listener).setSSLParameters(parameters());
        }
        tell(listener.getLocalPort());
        while (true) {
            Socket socket = listener.accept();
            thread(() -> {
                try (socket) {
                    if (socket instanceof SSLSocket tls) {
                        tls.startHandshake();
                    }
                    answer(socket);
                } catch (IOException refused) {
                    // Clients that are refused are the point of it.
                }
            });
        }
    }

    private static void answer(Socket socket) throws IOException {
        BufferedReader request = new BufferedReader(
                new InputStreamReader(socket.getInputStream(), StandardCharsets.US_ASCII));
        String line = request.readLine();
        while (line != null && !line.isEmpty()) {
            line = request.readLine();
        }
        if (line != null) {
            socket.getOutputStream().write(ANSWER);
            socket.getOutputStream().flush();
        }
    }

    private void serveEngine() throws Exception {
        InetSocketAddress any = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
        HttpServer server;
        if (role.equals("plaintext")) {
            server = HttpServer.create(any, 1024);
        } else {
            HttpsServer https = HttpsServer.create(any, 1024);
            https.setHttpsConfigurator(new HttpsConfigurator(context) {
                @Override
                public void configure(HttpsParameters https) {
                    https.setSSLParameters(parameters());
                }
            });
            server = https;
        }
        server.createContext("/", exchange -> {
            byte[] body = "ok\n".getBytes(StandardCharsets.US_ASCII);
            exchange.sendResponseHeaders(200, body.length);
            exchange.getResponseBody().write(body);
            exchange.close();
        });
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
        tell(server.getAddress().getPort());
    }

    private SSLParameters parameters() {
        SSLParameters parameters = context.getDefaultSSLParameters();
        parameters.setProtocols(new String[] {version});
        if (role.equals("optional")) {
            parameters.setWantClientAuth(true);
        } else {
            parameters.setNeedClientAuth(true);
        }
        switch (role) {
            case "strict-sni" -> parameters.setSNIMatchers(
                    List.of(SNIHostName.createSNIMatcher("server\\.test")));
            case "foreign-cipher" -> parameters.setCipherSuites(
                    new String[] {"TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"});
            case "strict-alpn" -> parameters.setApplicationProtocols(new String[] {"http/1.1"});
            default -> { }
        }
        return parameters;
    }

    private static List<Certificate> certificates(String path) throws Exception {
        try (InputStream pem = Files.newInputStream(Path.of(path))) {
            return List.copyOf(CertificateFactory.getInstance("X.509").generateCertificates(pem));
        }
    }

    private static java.security.PrivateKey key(String path) throws Exception {
        String pem = Files.readString(Path.of(path)).replaceAll("-----[A-Z ]+-----|\\s", "");
        return KeyFactory.getInstance("EC")
                .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
    }

    private static void tell(int port) {
        System.out.println("listening on 127.0.0.1:" + port);
        System.out.flush();
    }

    private interface Work {
        void run() throws Exception;
    }

    private static void thread(Work work) {
        Thread thread = new Thread(() -> {
            try {
                work.run();
            } catch (Exception err) {
                System.err.println(err);
            }
        });
        thread.setDaemon(true);
        thread.start();
    }
}
