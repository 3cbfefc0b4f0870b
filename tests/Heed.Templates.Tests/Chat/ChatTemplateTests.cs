using System.Text.Json;
using Heed.Templates;
using Heed.Testing;
using Heed.Verification;

namespace Heed.Templates.Tests.Chat;

public sealed class ChatTemplateTests
{
    private static JsonElement Json(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text);
        return document.RootElement.Clone();
    }

    private static string Render(string template, string messages = """[{"role": "user", "content": "Hi"}]""")
        => ChatTemplate.Parse(template, "test.jinja").Render(new ChatRequest { Messages = Json(messages) }).Text;

    [Fact]
    public void Conversations_and_snippets_give_what_the_reference_gives()
    {
        IReadOnlyList<VerificationResult> results = TokenizerVerification.Run(Path.Combine(Repository.Goldens, "chat"));
        string[] wrong = [.. results.Where(r => !r.Passed).Select(r => $"{r.Case}: {r.Detail}")];
        Assert.True(results.Count > 1000 && wrong.Length == 0, $"{wrong.Length} of {results.Count} differ:\n{string.Join('\n', wrong.Take(40))}");
    }

    [Fact]
    public void Errors_name_the_template_and_the_line()
    {
        ChatTemplateException parsing = Assert.Throws<ChatTemplateException>(() => ChatTemplate.Parse("a\n{% if %}", "broken.jinja"));
        Assert.Equal(2, parsing.Line);
        Assert.StartsWith("broken.jinja: line 2: ", parsing.Message, StringComparison.Ordinal);
        ChatTemplateException rendering = Assert.Throws<ChatTemplateException>(() => Render("\n\n{{ missing.field }}"));
        Assert.Equal("test.jinja: line 3: 'missing' is undefined", rendering.Message);
    }

    [Fact]
    public void A_message_raised_by_the_template_is_kept_character_for_character()
    {
        ChatTemplateRaisedException error = Assert.Throws<ChatTemplateRaisedException>(() => Render("{{ raise_exception('No\\n\"é\"') }}"));
        Assert.Equal("No\n\"é\"", error.RaisedMessage);
    }

    [Fact]
    public void Spans_of_generated_text_count_code_points()
    {
        ChatRendering rendering = ChatTemplate.Parse("😀{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}|{% endfor %}", "t")
            .Render(new ChatRequest { Messages = Json("""[{"role": "a", "content": "é😀"}, {"role": "a", "content": "xyz"}]""") });
        Assert.Equal("😀é😀|xyz|", rendering.Text);
        Assert.Equal([1..3, 4..7], rendering.GenerationSpans);
    }

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% set x = [a, b] | sort | join %}{% endfor %}{% endfor %}")]
    [InlineData("{% macro f(n) %}{% for i in range(9) %}{{ f(n) }}{% endfor %}{% endmacro %}{{ f(1) }}")]
    [InlineData("{{ '%s' % ('a' * 16000000) ~ 'b' * 16000000 }}")]
    [InlineData("{{ range(100000) | map('string') | map('center', 1000) | list | join }}")]
    [InlineData("{{ ('<!--x-->' * 1000000) | striptags }}")]
    [InlineData("{{ [[1] * 1000000] * 1000000 }}")]
    public void Templates_without_end_run_into_a_limit(string template) => Assert.Throws<BudgetException>(() => Render(template));

    [Fact]
    public void Deep_messages_are_refused()
        => Assert.Throws<BudgetException>(() => ChatTemplate.Parse("{{ messages }}", "t").Render(new ChatRequest
        {
            Messages = JsonDocument.Parse($"[{{\"a\": {new string('[', 200)}{new string(']', 200)}}}]", new JsonDocumentOptions { MaxDepth = 300 }).RootElement,
        }));

    [Fact]
    public void A_folder_gives_the_configured_templates_and_tokens()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"),
            """{"bos_token": "<s>", "chat_template": [{"name": "default", "template": "{{ bos_token }}d"}, {"name": "tool_use", "template": "t"}]}""");
        ChatTemplates templates = ChatTemplates.FromFolder(folder.Path);
        Assert.Equal(["default", "tool_use"], templates.Names);
        ChatRequest request = new() { Messages = Json("""[{"role": "user"}]"""), Variables = templates.SpecialTokens };
        Assert.Equal("<s>d", templates.Choose().Render(request).Text);
        Assert.Equal("t", templates.Choose(hasTools: true).Render(request).Text);
        Assert.Contains("default, tool_use", Assert.Throws<UsageException>(() => templates.Choose("rag")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Template_files_go_before_the_configuration()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer_config.json"), """{"chat_template": "old"}""");
        File.WriteAllText(Path.Combine(folder.Path, "chat_template.jinja"), "new");
        Directory.CreateDirectory(Path.Combine(folder.Path, "additional_chat_templates"));
        File.WriteAllText(Path.Combine(folder.Path, "additional_chat_templates", "rag.jinja"), "documents");
        ChatTemplates templates = ChatTemplates.FromFolder(folder.Path);
        Assert.Equal("new", templates.Choose().Source);
        Assert.Equal("documents", templates.Choose("rag").Source);
    }

    [Fact]
    public void A_folder_without_templates_says_so_when_one_is_wanted()
    {
        using TemporaryFolder folder = new();
        Assert.Contains("has no chat template", Assert.Throws<UsageException>(() => ChatTemplates.FromFolder(folder.Path).Choose()).Message, StringComparison.Ordinal);
    }
}
