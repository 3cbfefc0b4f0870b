using System.Text;
using System.Text.Json;
using Heed.Testing;
using Heed.Templates;

namespace Heed.Templates.Tests.Chat;

/// <summary>Whatever a template says, it gives a text or an error of Heed's own.</summary>
public sealed class DamagedTemplateTests
{
    private static readonly string[] Pieces =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "(", ")", "[", "]", "{", "}", "|", "~", ".", ",", ":", "'", "\"", "\\", "-", "*", "**", "not ", " is ", " in ", " if ", " else ",
        "0", "-1", "1.5", "1e400", "99999999999999999999", "none", "true", "xs", "d", "messages", "missing", "loop", "'😀'", "'\\ud800'", "''", "()", "[[]]", "{}", "xs[::-1]",
        "range(9)", "namespace(a=1)", "|list", "|join", "|sort", "|int", "|float", "|round(400)", "|tojson", "|string", "|batch(2)", "|indent", "|title", "|groupby(0)", "|sum",
        ".items()", ".split()", ".format(xs, d)", ".replace('a','b')", ".center(9)", ".zfill(-5)", ".find('a', -3)", " % xs", " // 0.0", " ** -1.5", "*(1,2)",
    ];

    [Fact]
    public void Damaged_snippets_give_text_or_an_ordinary_error() => Damaged(rounds: 15, seed: 1);

    [LongFact]
    public void Many_damaged_snippets_give_text_or_an_ordinary_error() => Damaged(rounds: 200, seed: 2);

    private static void Damaged(int rounds, int seed)
    {
        Random random = new(seed);
        int done = 0;
        foreach (string line in File.ReadLines(Path.Combine(Repository.Goldens, "chat", "language.jsonl")))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement json = document.RootElement;
            if (json.TryGetProperty("limit", out _) || json.GetProperty("template").ValueKind != JsonValueKind.String) continue;
            string source = json.GetProperty("template").GetString()!;
            JsonElement? context = json.TryGetProperty("context", out JsonElement given) ? given : null;
            for (int i = 0; i < rounds; i++, done++)
            {
                string damaged = Mutate(source, random);
                try
                {
                    ChatTemplate.RenderSnippet(damaged, "damaged", true, true, context, DateTimeOffset.UnixEpoch);
                }
                catch (HeedException e)
                {
                    // The template's name, or the limit of the rendering.
                    Assert.True(e is BudgetException || e.Message.Contains("damaged", StringComparison.Ordinal), e.Message);
                }
                catch (Exception e)
                {
                    Assert.Fail($"{damaged}\n{e}");
                }
            }
        }

        Assert.True(done >= Heed.Tokenizers.Tests.Damage.Mutations, $"only {done} snippets were damaged");
    }

    [Fact]
    public void Damaged_template_files_are_read_or_refused_by_name()
    {
        const string Template = """
            {%- set system = messages[0]['content'] if messages[0].role == 'system' else '' -%}
            {{ bos_token }}{% macro turn(m) %}<|{{ m['role'] | upper }}|>{{ m.content | trim }}{% endmacro %}
            {%- for m in messages if m.role != 'system' %}{{ turn(m) }}{% if not loop.last %}{{ '\n' }}{% endif %}{% else %}none{% endfor %}
            {%- if add_generation_prompt %}{{ tools | tojson(indent=2) if tools else 'go' }}{% endif %}
            """;
        using JsonDocument messages = JsonDocument.Parse("""[{"role": "system", "content": "é"}, {"role": "user", "content": " 😀 "}, {"role": "assistant", "content": "x"}]""");
        using TemporaryFolder folder = new();
        ChatRequest request = new() { Messages = messages.RootElement, AddGenerationPrompt = true };
        Heed.Tokenizers.Tests.Damage.Run(System.Text.Encoding.UTF8.GetBytes(Template), Heed.Tokenizers.Tests.Damage.Mutations, seed: 5, folder.Path, bytes =>
        {
            File.WriteAllBytes(folder.File("chat_template.jinja"), bytes);
            return ChatTemplates.FromFolder(folder.Path).Choose();
        }, template => template.Render(request));
    }

    private static string Mutate(string source, Random random)
    {
        StringBuilder text = new(source);
        for (int n = random.Next(1, 4); n > 0; n--)
        {
            int at = random.Next(text.Length + 1);
            int length = Math.Min(random.Next(6), text.Length - at);
            if (random.Next(3) > 0) text.Remove(at, length);
            if (random.Next(3) > 0) text.Insert(at, Pieces[random.Next(Pieces.Length)]);
        }

        return text.ToString();
    }
}
